// The feed while it is open: posts that change or go, a count of those that came while somebody reads
// further down, and older ones as they are scrolled to. Without this the page is whole, but stands still.
(() => {
  "use strict";

  const MOST_POSTS = 200;
  const feed = document.getElementById("feed");
  const news = document.getElementById("feed-news");
  let missed = 0;

  const isReadingBelow = () => feed.getBoundingClientRect().top < 0;

  const showNews = (count) => {
    missed = count;
    news.hidden = !count;
    news.textContent = count === 1 ? news.dataset.one : news.dataset.many.replace("{count}", count);
  };

  const postOf = ({ id }) => document.getElementById(`post-${id}`);

  const withHTML = (html) => {
    const template = document.createElement("template");
    template.innerHTML = html;
    return template.content;
  };

  const happened = {
    "post"(data) {
      postOf(data)?.classList.add("is-new");
      if (isReadingBelow()) showNews(missed + 1);
      while (feed.children.length > MOST_POSTS) feed.lastElementChild.remove();
    },
    "post-changed"(data) {
      postOf(data)?.replaceWith(withHTML(data.html));
    },
    "post-removed"(data) {
      postOf(data)?.remove();
    },
  };

  // A document that the browser has parsed itself: no string of HTML passes through here.
  const fetchPart = (address) =>
    new Promise((resolve, reject) => {
      const url = new URL(address);
      url.searchParams.set("part", "");
      const request = new XMLHttpRequest();
      request.open("GET", url);
      request.responseType = "document";
      request.onload = () => (request.status === 200 ? resolve(request.response) : reject(new Error(request.status)));
      request.onerror = () => reject(new Error("network"));
      request.send();
    });

  const loadOlder = async (link) => {
    if (link.ariaBusy === "true" || feed.children.length >= MOST_POSTS) return;
    link.ariaBusy = "true";
    try {
      const page = await fetchPart(link.href);
      feed.append(...page.getElementById("feed").children);
      const next = page.getElementById("feed-older");
      if (next) link.href = next.href;
      else link.remove();
    } catch {
      // The link is still there to be followed.
    }
    link.ariaBusy = "false";
  };

  // What may have been missed cannot be known: the newest posts, as they are now.
  const startAnew = async () => {
    const page = await fetchPart(location.href).catch(() => null);
    if (page) feed.replaceChildren(...page.getElementById("feed").children);
  };

  if (news) {
    feed.addEventListener("sse:data", ({ detail }) => happened[detail.event]?.(detail.data));
    feed.addEventListener("sse:reset", startAnew);
    news.addEventListener("click", () => {
      showNews(0);
      scrollTo({ top: 0 });
      feed.querySelector(".post a")?.focus({ preventScroll: true });
    });
    addEventListener("scroll", () => !isReadingBelow() && missed && showNews(0), { passive: true });
  }

  const older = document.getElementById("feed-older");
  if (older) {
    new IntersectionObserver(([entry]) => entry.isIntersecting && loadOlder(older), { rootMargin: "600px" }).observe(older);
  }
})();
