// Development only: loads the page again when the site was built anew, and shows an author's mistake.
// The line is opened when the author turns to the editor, or after a while: the page's own numbers stay its own.
// A page that has loaded itself again opens it at once: its author is in the editor, and no blur will say so.
{
  let line;
  const listen = () => {
    if (line) return;
    line = new EventSource(`/dev/reload?page=${encodeURIComponent(location.pathname)}&age=${performance.now()}`);
    line.addEventListener("built", () => (sessionStorage.setItem("reloaded", "by itself"), location.reload()));
    line.addEventListener("failed", ({ data }) => {
      const told = Object.assign(document.createElement("pre"), { id: "mistake", role: "alert", textContent: data });
      document.getElementById("mistake")?.remove();
      document.getElementById("main").prepend(told);
    });
    line.addEventListener("mended", () => document.getElementById("mistake")?.remove());
    line.addEventListener("error", () => (line.close(), (line = null), setTimeout(listen, 1000)));
  };
  addEventListener("blur", listen);
  addEventListener("load", () => setTimeout(listen, sessionStorage.getItem("reloaded") ? 0 : 10000));
  addEventListener("load", () => sessionStorage.removeItem("reloaded"));
}
