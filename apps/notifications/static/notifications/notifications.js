// The bell, the list and the toasts of whoever is logged in. What the stream tells goes into a set of unread
// numbers: an event that is heard twice, or of something the page knew already, changes nothing.

const MOST = 99;
const TOAST_MS = 8000;
const TOGETHER_MS = 300;

const words = document.querySelector("[data-notification-words]").dataset;
const bell = document.getElementById("notification-bell");
const list = document.getElementById("notification-list");
const form = document.getElementById("notification-acts");

// In the page before anything is said in it, or a screen reader would not hear it.
const toasts = document.querySelector(".toasts") ?? document.createElement("div");
toasts.classList.add("toasts", "notification-toasts");
toasts.setAttribute("role", "status");
document.body.append(toasts);

const numbersOf = (element) => new Set(element?.dataset.unread.match(/\d+/g)?.map(Number));
const itemOf = (id) => document.getElementById(`notification-${id}`);

let unread = numbersOf(bell);
let hasMore = unread.size > MOST;
let during = null;

const showBell = () => {
  if (!bell) return;
  bell.dataset.unread = [...unread].join(" ");
  const count = bell.querySelector(".notification-count");
  const text = hasMore || unread.size > MOST ? `${MOST}+` : String(unread.size);
  const shown = [count, ...document.querySelectorAll("[data-notification-count]")];
  for (const each of shown) if (each.textContent !== text) each.textContent = text;
};

const setUnread = (id, isUnread) => {
  if (isUnread) unread.add(id);
  else {
    unread.delete(id);
    toasts.querySelector(`[data-id="${id}"]`)?.remove();
  }
};

// Toasts: one for what is new within a moment, and one for what the reader did last, until the next deed.

const toast = (text, kind) => {
  const element = document.createElement("div");
  element.className = "toast";
  element.dataset.kind = kind;
  const said = document.createElement("span");
  said.append(text);
  element.append(said);
  toasts.querySelector(`[data-kind="${kind}"]`)?.remove();
  toasts.append(element);
  return element;
};

const addButton = (element, text, properties) => {
  const button = Object.assign(document.createElement("button"), { className: "button is-quiet", textContent: text }, properties);
  element.append(button);
  return button;
};

const leaveLater = (element) => {
  setTimeout(() => {
    if (element.matches(":hover, :focus-within")) leaveLater(element);
    else element.remove();
  }, TOAST_MS);
};

addEventListener("keydown", ({ key }) => key === "Escape" && toasts.replaceChildren());

let arrived = new Map();

const titleIn = (html) => {
  const template = document.createElement("template");
  template.innerHTML = html;
  template.content.querySelector(".notification-unread").remove();
  return template.content.querySelector(".notification-title").childNodes;
};

const announce = () => {
  const news = [...arrived].filter(([id]) => unread.has(id));
  arrived = new Map();
  if (!news.length) return;
  const many = document.createElement("a");
  many.textContent = words.many.replace("{count}", news.length);
  if (bell) many.href = bell.href;
  const element = toast(news.length > 1 ? many : document.createTextNode(""), "news");
  if (news.length === 1) {
    const [[id, html]] = news;
    element.dataset.id = id;
    element.firstChild.append(...titleIn(html));
  }
  addButton(element, words.dismiss, { type: "button", onclick: () => element.remove() });
  leaveLater(element);
};

const happened = {
  notification({ id, html }) {
    setUnread(id, true);
    if (!arrived.size) setTimeout(announce, TOGETHER_MS);
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
    const isUnknown = list && ids.some((id) => !itemOf(id) && !deleted.includes(id) && isListed(id, still.includes(id)));
    if (isUnknown || (hasMore && unread.size <= MOST)) refresh();
  },
};

/** Whether one of this number belongs among those that the page shows. */
const isListed = (id, isUnread) => {
  const { show, isNewest } = list.dataset;
  if (show === "unread" && !isUnread) return false;
  const shown = [...list.children].map((item) => Number(item.id.split("-")[1]));
  return !shown.length || (id > Math.min(...shown) && (isNewest || id < Math.max(...shown)));
};

const apply = (event, data) => {
  happened[event]?.(data);
  during?.push([event, data]);
  showBell();
};

// A document that the browser has parsed itself: no string of HTML passes through here.
const fetchPage = (url) =>
  new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("GET", url);
    request.responseType = "document";
    request.onload = () => (request.status === 200 ? resolve(request.response) : reject(new Error(request.status)));
    request.onerror = () => reject(new Error("network"));
    request.send();
  });

// What may have been missed cannot be known: everything as it is now, and what happens in the meantime on top.
const refresh = async () => {
  if (during) return;
  during = [];
  try {
    const page = await fetchPage(list ? location.href : bell.href);
    list?.replaceChildren(...page.getElementById("notification-list").children);
    unread = numbersOf(page.getElementById("notification-bell"));
    hasMore = unread.size > MOST;
  } catch {
    // The stream says so again when it is back.
  }
  const meanwhile = during;
  during = null;
  for (const [event, data] of meanwhile) {
    if (event !== "notification") apply(event, data);
    else if (list && !itemOf(data.id)) refresh();
    else setUnread(data.id, true);
  }
  showBell();
};

const isOurs = (element) => "notificationStream" in element.dataset;

document.addEventListener("sse:data", ({ target, detail }) => isOurs(target) && apply(detail.event, detail.data));
document.addEventListener("sse:reset", ({ target }) => isOurs(target) && refresh());

// Buttons: the same forms as without this script, without leaving the page.

const isVisible = (element) => element.checkVisibility({ visibilityProperty: true });
const buttonNear = (element) => [...(element?.querySelectorAll("button") ?? [])].find(isVisible);

const keepFocus = (item) => {
  if (document.activeElement !== document.body && isVisible(document.activeElement)) return;
  const others = [item, item?.nextElementSibling, item?.previousElementSibling];
  const next = others.map(buttonNear).find(Boolean) ?? document.getElementById("notifications-title");
  next.focus();
};

const showDone = (text, undo) => {
  const element = toast(text, "done");
  const [[name, value] = []] = Object.entries(undo.values);
  if (undo.url) addButton(element, words.undo, { formAction: undo.url, ...(name && { name, value }) }).setAttribute("form", form.id);
  addButton(element, words.dismiss, { type: "button", onclick: () => (element.remove(), keepFocus()) });
};

const post = (url, body) => fetch(url, { method: "POST", body, headers: { Accept: "application/json" }, keepalive: true });

const showFailed = (text) => toast(text, "done").classList.add("is-bad");

const act = async (button) => {
  try {
    const response = await post(button.formAction, new FormData(form, button));
    if (response.redirected) return location.assign(response.url);
    const seconds = response.headers.get("Retry-After");
    if (seconds) return showFailed(words.wait.replace("{seconds}", seconds));
    if (!response.ok) throw new Error(response.status);
    const { changes, text, undo } = await response.json();
    const item = button.closest("li") ?? itemOf(changes[0]?.ids.at(-1));
    changes.forEach((change) => apply("notification-state", change));
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

// Whoever follows a notification's link has read it.
list?.addEventListener("click", ({ target }) => {
  const item = target.closest(".notification-title a")?.closest(".is-unread");
  const button = item?.querySelector(".notification-read");
  if (button) post(button.formAction, new FormData(form, button)).catch(() => {});
});
