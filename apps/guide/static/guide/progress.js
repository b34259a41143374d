// What the attributes do not do: the connection is there as soon as its element is.
const progress = document.querySelector("[dj-sse]");

progress._djustSSE.on("complete", (data) => {
  progress.querySelector("[data-result]").textContent = data.result;
});
