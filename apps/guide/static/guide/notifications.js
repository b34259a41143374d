// A notification that was read in one tab is read in all.
const notifications = document.getElementById("guide-notifications");

notifications?._djustSSE.on("read", ({ id }) => {
  document.querySelector(`#guide-notification-${id} button`)?.replaceWith("read");
});
