/** Light or dark, as the system says or the reader has chosen. No module, so that it is set before anything is painted. */
(() => {
  const KEY = "footfall-theme";
  const root = document.documentElement;
  const dark = matchMedia("(prefers-color-scheme: dark)");

  /** @returns {string | null} */
  function chosen() {
    try {
      return localStorage.getItem(KEY);
    } catch {
      return null;
    }
  }

  /** @param {string} theme */
  function remember(theme) {
    try {
      localStorage.setItem(KEY, theme);
    } catch {
      // A browser that keeps nothing: it holds for this page.
    }
  }

  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : dark.matches);

  const before = chosen();
  if (before === "light" || before === "dark") root.dataset.theme = before;

  addEventListener("DOMContentLoaded", () => {
    const button = document.getElementById("theme");
    if (!button) return;
    const show = () => {
      const other = isDark() ? "light" : "dark";
      button.setAttribute("aria-label", `Switch to ${other}`);
      button.title = `Switch to ${other}`;
    };
    button.addEventListener("click", () => {
      root.dataset.theme = isDark() ? "light" : "dark";
      remember(root.dataset.theme);
      show();
    });
    dark.addEventListener("change", show);
    show();
  });
})();
