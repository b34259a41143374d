/** Return the words of an attribute, separated by spaces or commas; undefined without the attribute. */
export function tokens(element, attribute) {
  return element.getAttribute(attribute)?.match(/[^\s,]+/g) ?? undefined;
}
