/** Whether something in `target` is being edited, or was and is not sent yet. */
export function hasInput(target) {
  const isEdited = (field) => !mayChange('value', field) || !mayChange('checked', field);
  return target.contains(document.activeElement) || [...target.querySelectorAll('input, textarea')].some(isEdited);
}

/** What was typed or ticked, and not sent yet, is the user's. */
export function mayChange(name, element) {
  if (name === 'value') return (element.value ?? '') === (element.defaultValue ?? element.value ?? '');
  return name !== 'checked' || element.checked === element.defaultChecked;
}
