// An open feed: counts new posts above a scrolled reader, and loads older posts on scrolling.
// The attributes of the list do the rest.
(() => {
  "use strict";

  // A reset may replace the element.
  const feed = () => document.getElementById("feed");
  const news = document.getElementById("feed-news");
  let missed = 0;

  const isReadingBelow = () => feed().getBoundingClientRect().top < 0;

  const showNews = (count) => {
    missed = count;
    news.hidden = !count;
    news.textContent = count === 1 ? news.dataset.one : news.dataset.many.replace("{count}", count);
  };

  // Let the browser parse the document: Trusted Types refuse strings of HTML.
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
    if (link.ariaBusy === "true" || feed().children.length >= feed().getAttribute("dj-sse-limit")) return;
    link.ariaBusy = "true";
    try {
      const page = await fetchPart(link.href);
      feed().append(...page.getElementById("feed").children);
      const next = page.getElementById("feed-older");
      if (next) link.href = next.href;
      else link.remove();
    } catch {
      // The reader can still follow the link.
    }
    link.ariaBusy = "false";
  };

  if (news) {
    document.addEventListener("sse:data", ({ target, detail }) => {
      if (target === feed() && detail.event === "post" && isReadingBelow()) showNews(missed + 1);
    });
    news.addEventListener("click", () => {
      showNews(0);
      scrollTo({ top: 0 });
      feed().querySelector(".post a")?.focus({ preventScroll: true });
    });
    addEventListener("scroll", () => !isReadingBelow() && missed && showNews(0), { passive: true });
  }

  const older = document.getElementById("feed-older");
  if (older) {
    new IntersectionObserver(([entry]) => entry.isIntersecting && loadOlder(older), { rootMargin: "600px" }).observe(older);
  }
})();
