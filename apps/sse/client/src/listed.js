/** The names that an attribute lists, with spaces or commas between them; undefined without the attribute. */
export function listed(element, attribute) {
  return element.getAttribute(attribute)?.match(/[^\s,]+/g) ?? undefined;
}
