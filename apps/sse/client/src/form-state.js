/** Return whether `target` has focus or unsaved input. */
export function hasInput(target) {
  const isChanged = (field) => !['value', 'checked', 'selected'].every((name) => mayChange(name, field));
  return (
    target.contains(document.activeElement) || [...target.querySelectorAll('input, textarea, option')].some(isChanged)
  );
}

/** Return whether a morph may change an attribute: not where it would lose unsaved input or close a dialog. */
export function mayChange(name, element) {
  if (name === 'value') return (element.value ?? '') === (element.defaultValue ?? element.value ?? '');
  if (name === 'checked') return element.checked === element.defaultChecked;
  if (name === 'selected') return isUnchanged(element.closest('select'));
  return name !== 'open' || !element.matches('details, dialog');
}

function isUnchanged(select) {
  const options = [...(select?.options ?? [])];
  // Without a default the browser selects the first option.
  const hasDefault = options.some((option) => option.defaultSelected);
  if (select?.type === 'select-one' && !hasDefault) return select.selectedIndex < 1;
  return options.every((option) => option.selected === option.defaultSelected);
}
