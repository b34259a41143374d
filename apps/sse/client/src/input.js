/** Whether something in `target` is being edited, or was and is not sent yet. */
export function hasInput(target) {
  const isEdited = (field) => !['value', 'checked', 'selected'].every((name) => mayChange(name, field));
  return (
    target.contains(document.activeElement) || [...target.querySelectorAll('input, textarea, option')].some(isEdited)
  );
}

/** What was typed, ticked or chosen, and not sent yet, is the user's; and so is what they have opened. */
export function mayChange(name, element) {
  if (name === 'value') return (element.value ?? '') === (element.defaultValue ?? element.value ?? '');
  if (name === 'checked') return element.checked === element.defaultChecked;
  if (name === 'selected') return isAsServed(element.closest('select'));
  return name !== 'open' || !element.matches('details, dialog');
}

function isAsServed(select) {
  const options = [...(select?.options ?? [])];
  // Without a default the browser selects the first.
  if (select?.type === 'select-one' && !options.some((option) => option.defaultSelected))
    return select.selectedIndex < 1;
  return options.every((option) => option.selected === option.defaultSelected);
}
