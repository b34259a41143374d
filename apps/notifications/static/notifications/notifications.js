// The bell, the list and the toasts. The bell has the numbers of the unread notifications as a set, so that an
// event that arrives twice changes nothing. After a gap the client loads the bell and the list again.

const MAX_COUNT = 99;
const TOAST_MS = 8000;
const BURST_MS = 300;

const bell = document.getElementById("notification-bell");
const list = document.getElementById("notification-list");
const form = document.getElementById("notification-actions");
const words = bell.dataset;

// Created before the first toast: screen readers only read changes of known regions.
const toasts = document.querySelector(".toasts") ?? document.createElement("div");
toasts.classList.add("toasts", "notification-toasts");
toasts.setAttribute("role", "status");
document.body.append(toasts);

const itemOf = (id) => document.getElementById(`notification-${id}`);
const unread = () => new Set(words.unread.match(/\d+/g)?.map(Number));

const showCount = () => {
  const { size } = unread();
  const text = size > MAX_COUNT ? `${MAX_COUNT}+` : String(size);
  for (const each of document.querySelectorAll(".notification-count, [data-notification-count]")) {
    if (each.textContent !== text) each.textContent = text;
  }
};

new MutationObserver(showCount).observe(bell, { attributeFilter: ["data-unread"] });

const setUnread = (id, isUnread) => {
  const ids = unread();
  const isFull = ids.size > MAX_COUNT;
  if (isUnread) ids.add(id);
  else {
    ids.delete(id);
    toasts.querySelector(`[data-id="${id}"]`)?.remove();
  }
  words.unread = [...ids].join(" ");
  // The server may have more than the page has.
  if (isFull && ids.size <= MAX_COUNT) bell.dispatchEvent(new CustomEvent("sse:reset", { bubbles: true, detail: {} }));
};

// Toasts: one for what is new, one for the reader's last action.

const addButton = (toast, text, properties) => {
  const button = Object.assign(document.createElement("button"), { className: "button is-quiet", textContent: text }, properties);
  toast.append(button);
  return button;
};

const addToast = (kind, ...content) => {
  const toast = document.createElement("div");
  toast.className = "toast";
  toast.dataset.kind = kind;
  toast.append(document.createElement("span"));
  toast.firstChild.append(...content);
  toasts.querySelector(`[data-kind="${kind}"]`)?.remove();
  toasts.append(toast);
  return toast;
};

const removeLater = (toast) => {
  setTimeout(() => (toast.matches(":hover, :focus-within") ? removeLater(toast) : toast.remove()), TOAST_MS);
};

addEventListener("keydown", ({ key }) => key === "Escape" && toasts.replaceChildren());

const arrived = new Map();

const titleIn = (html) => {
  const template = document.createElement("template");
  template.innerHTML = html;
  template.content.querySelector(".notification-unread").remove();
  return template.content.querySelector(".notification-title").childNodes;
};

const showNews = () => {
  const news = [...arrived].filter(([id]) => unread().has(id));
  arrived.clear();
  if (!news.length) return;
  const [[id, html]] = news;
  const many = Object.assign(document.createElement("a"), { href: bell.href, textContent: words.many.replace("{count}", news.length) });
  const toast = addToast("news", ...(news.length > 1 ? [many] : titleIn(html)));
  if (news.length === 1) toast.dataset.id = id;
  addButton(toast, words.dismiss, { type: "button", onclick: () => toast.remove() });
  removeLater(toast);
};

const apply = {
  notification({ id, html }) {
    setUnread(id, true);
    if (!arrived.size) setTimeout(showNews, BURST_MS);
    arrived.set(id, html);
  },
  "notification-state"({ ids, unread: still, deleted }) {
    for (const id of ids) {
      setUnread(id, still.includes(id));
      const item = itemOf(id);
      if (!item) continue;
      item.hidden = deleted.includes(id);
      item.classList.toggle("is-unread", still.includes(id));
    }
  },
};

bell.addEventListener("sse:data", ({ detail }) => apply[detail.event]?.(detail.data));

// The buttons send the same form as without this script, but the page stays.

const isVisible = (element) => element.checkVisibility({ visibilityProperty: true });
const buttonIn = (element) => [...(element?.querySelectorAll("button") ?? [])].find(isVisible);

const keepFocus = (item) => {
  if (document.activeElement !== document.body && isVisible(document.activeElement)) return;
  const near = [item, item?.nextElementSibling, item?.previousElementSibling].map(buttonIn).find(Boolean);
  (near ?? document.getElementById("notifications-title")).focus();
};

const showDone = (text, undo) => {
  const toast = addToast("done", text);
  if (undo) addButton(toast, words.undo, { formAction: undo }).setAttribute("form", form.id);
  addButton(toast, words.dismiss, { type: "button", onclick: () => (toast.remove(), keepFocus()) });
};

const showFailed = (text) => addToast("done", text).classList.add("is-bad");

const post = (url) => fetch(url, { method: "POST", body: new FormData(form), headers: { Accept: "application/json" }, keepalive: true });

const act = async (button) => {
  try {
    const response = await post(button.formAction);
    if (response.redirected) return location.assign(response.url);
    const seconds = response.headers.get("Retry-After");
    if (seconds) return showFailed(words.wait.replace("{seconds}", seconds));
    if (!response.ok) throw new Error(response.status);
    const { changes, text, undo } = await response.json();
    const item = button.closest("li") ?? itemOf(changes[0]?.ids.at(-1));
    changes.forEach(apply["notification-state"]);
    showDone(text, undo);
    keepFocus(item);
  } catch {
    showFailed(words.failed);
  }
};

form?.addEventListener("submit", (event) => {
  event.preventDefault();
  act(event.submitter);
});

// Following its link marks a notification as read.
list?.addEventListener("click", ({ target }) => {
  const item = target.closest(".notification-title a")?.closest(".is-unread");
  if (item) post(item.querySelector(".notification-read").formAction).catch(() => {});
});
