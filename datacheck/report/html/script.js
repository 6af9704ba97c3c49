// Sorting, filtering, folding, copying, and light or dark. Without it, all text is there.
"use strict";
(() => {
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const by = (id) => document.getElementById(id);

  // -- light, dark, or as the system has it -------------------------------------------------
  const root = document.documentElement;
  const theme = by("theme");
  const remembered = () => {
    try { return localStorage.getItem("datacheck-theme") || ""; } catch { return ""; }
  };
  const dress = (name) => {
    if (name) root.dataset.theme = name; else delete root.dataset.theme;
    theme.textContent = { light: "Light", dark: "Dark" }[name] || "Auto";
    theme.setAttribute("aria-label", `Theme: ${theme.textContent}`);
    try { localStorage.setItem("datacheck-theme", name); } catch { /* a file may have no storage */ }
  };
  theme.hidden = false;
  dress(remembered());
  theme.addEventListener("click", () => {
    const next = { "": "light", light: "dark", dark: "" };
    dress(next[root.dataset.theme || ""]);
  });

  // -- tables that sort ----------------------------------------------------------------------
  const key = (row, column) => {
    const cell = row.cells[column];
    const said = cell.dataset.value ?? cell.textContent.trim();
    const number = said === "" ? NaN : Number(said);
    return Number.isNaN(number) ? said.toLowerCase() : number;
  };
  const compare = (a, b) => {
    if (typeof a === typeof b) return a < b ? -1 : a > b ? 1 : 0;
    return typeof a === "number" ? -1 : 1;
  };
  const cards = by("cards");
  const sort = (head, table) => {
    const column = head.cellIndex;
    const up = head.getAttribute("aria-sort") !== "ascending";
    all("th[aria-sort]", table.tHead).forEach((th) => th.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", up ? "ascending" : "descending");
    const body = table.tBodies[0];
    const rows = [...body.rows].map((row) => [key(row, column), row]);
    rows.sort((a, b) => (up ? 1 : -1) * compare(a[0], b[0]));
    body.append(...rows.map((r) => r[1]));
    if (body.id === "lines" && cards) {
      const known = new Map([...cards.children].map((card) => [card.dataset.n, card]));
      cards.append(...rows.map((r) => known.get(r[1].dataset.n)));
    }
  };
  for (const head of all("th[data-sort]")) {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => sort(head, head.closest("table")));
  }

  // -- filters -------------------------------------------------------------------------------
  const filters = document.querySelector(".filters");
  if (filters && cards) {
    filters.hidden = false;
    const query = by("q"), rule = by("rule"), split = by("split"), shown = by("shown");
    const boxes = all('input[name="severity"]', filters);
    const lines = new Map(all("#lines tr").map((row) => [row.dataset.n, row]));
    const filter = () => {
      const wanted = new Set(boxes.filter((b) => b.checked).map((b) => b.value));
      const words = query.value.toLowerCase().split(/\s+/).filter(Boolean);
      let count = 0;
      for (const card of cards.children) {
        const d = card.dataset;
        const keep = wanted.has(d.severity)
          && (!rule.value || d.rule === rule.value)
          && (!split.value || JSON.parse(d.splits).includes(split.value))
          && words.every((w) => d.text.includes(w));
        card.hidden = !keep;
        lines.get(d.n).hidden = !keep;
        count += keep;
      }
      const number = new Intl.NumberFormat("en");
      shown.textContent = `${number.format(count)} of ${number.format(cards.children.length)} shown`;
    };
    filters.addEventListener("input", filter);
    by("reset").addEventListener("click", () => {
      query.value = rule.value = split.value = "";
      boxes.forEach((b) => { b.checked = true; });
      filter();
    });
    const fold = by("fold");
    const open = () => all("#cards > article:not([hidden]) > details").some((d) => d.open);
    const tell = () => { fold.textContent = open() ? "Close all" : "Open all"; };
    fold.addEventListener("click", () => {
      const now = !open();
      all("#cards > article > details").forEach((d) => { d.open = now; });
      tell();
    });
    cards.addEventListener("toggle", tell, true);
    tell();
    document.addEventListener("keydown", (event) => {
      const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement.tagName);
      if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
        event.preventDefault();
        query.focus();
      } else if (event.key === "Escape" && document.activeElement === query) {
        query.value = "";
        filter();
      }
    });
  }

  // -- a link to a finding opens it, whatever the filters hide ---------------------------------
  const reveal = () => {
    if (!/^#f\d+$/.test(location.hash)) return;
    const card = by(location.hash.slice(1));
    if (!card) return;
    if (card.hidden) by("reset").click();
    card.querySelector("details").open = true;
    card.scrollIntoView();
    card.querySelector("summary").focus({ preventScroll: true });
  };
  addEventListener("hashchange", reveal);
  reveal();

  // -- commands to copy ------------------------------------------------------------------------
  const copied = async (text) => {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      return false; // a page from a disk may not be allowed to: the text is selected instead
    }
  };
  for (const button of all("button.copy")) {
    button.hidden = false;
    const code = button.parentElement.querySelector("code");
    button.setAttribute("aria-label", `Copy: ${code.textContent}`);
    button.addEventListener("click", async () => {
      const done = await copied(code.textContent);
      if (!done) getSelection().selectAllChildren(code);
      button.textContent = done ? "Copied" : "Selected";
      setTimeout(() => { button.textContent = "Copy"; }, 1600);
    });
  }

  // -- on paper everything is open -------------------------------------------------------------
  let closed = [];
  addEventListener("beforeprint", () => {
    closed = all("details:not([open])");
    closed.forEach((d) => { d.open = true; });
  });
  addEventListener("afterprint", () => { closed.forEach((d) => { d.open = false; }); });
})();
