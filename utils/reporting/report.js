"use strict";
(() => {
  const main = document.getElementById("main");
  const overview = [...main.childNodes];
  const sources = new Map([...document.querySelectorAll("script.page")].map(s => [s.dataset.id, s]));
  const loaded = new Map();
  const PAGE = 100; // answers shown at a time

  // Every text goes through here as text, never as markup.
  function el(name, attributes, ...children) {
    const node = document.createElement(name);
    for (const [key, value] of Object.entries(attributes || {})) {
      if (key === "onclick") node.addEventListener("click", value);
      else if (value !== null && value !== undefined && value !== false) node.setAttribute(key, value);
    }
    node.append(...children.flat().filter(c => c !== null && c !== undefined).map(c => c instanceof Node ? c : String(c)));
    return node;
  }
  const number = (value, digits = 3) => value === null || value === undefined ? "–"
    : typeof value !== "number" ? String(value)
    : Number.isInteger(value) ? String(value)
    : Math.abs(value) >= 1e5 || Math.abs(value) < 1e-4 ? value.toExponential(2) : value.toFixed(Math.abs(value) >= 100 ? 1 : digits);
  const show = value => value === null || value === undefined ? "–" : typeof value === "number" ? number(value, 4) : String(value);

  async function load(id) {
    if (!loaded.has(id)) {
      const bytes = Uint8Array.from(atob(sources.get(id).textContent.trim()), c => c.charCodeAt(0));
      const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
      loaded.set(id, JSON.parse(await new Response(stream).text()));
    }
    return loaded.get(id);
  }

  // ---- tables ------------------------------------------------------------------------------------------------------

  const value = cell => {
    const text = cell.dataset.value ?? cell.textContent.trim();
    const n = parseFloat(text);
    return text !== "" && !isNaN(n) && /^[-+.\d]/.test(text) ? n : text;
  };
  function sortable(table) {
    [...table.tHead.rows[0].cells].forEach((head, column) => {
      const button = el("button", { type: "button" }, ...head.childNodes);
      head.replaceChildren(button);
      button.addEventListener("click", () => {
        const down = head.getAttribute("aria-sort") === "ascending";
        [...table.tHead.rows[0].cells].forEach(other => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        const rows = [...table.tBodies[0].rows];
        rows.sort((a, b) => {
          const [x, y] = [value(a.cells[column]), value(b.cells[column])];
          if (typeof x !== typeof y) return typeof x === "number" ? -1 : 1; // texts and gaps last
          const order = typeof x === "number" ? x - y : x.localeCompare(y);
          return down ? -order : order;
        });
        table.tBodies[0].append(...rows);
      });
    });
    return table;
  }
  function grid(heads, rows, attributes) {
    const body = rows.map(cells => el("tr", {}, cells.map(c => c instanceof HTMLTableCellElement ? c
      : el("td", { class: typeof c === "number" ? "n" : null }, c instanceof Node ? c : show(c)))));
    const table = el("table", attributes || {}, el("thead", {}, el("tr", {}, heads.map(h => el("th", {}, h)))), el("tbody", {}, body));
    return el("div", { class: "wide" }, sortable(table));
  }
  const pairs = list => el("dl", {}, list.flatMap(([name, text]) => [el("dt", {}, name), el("dd", {}, show(text))]));
  function download(name, text, kind) {
    return el("a", { href: `data:${kind};charset=utf-8,${encodeURIComponent(text)}`, download: name }, name);
  }

  // ---- an experiment -----------------------------------------------------------------------------------------------

  function pivot(id, d) {
    const rows = d.pivot.rows.map(row => {
      const means = row.cells.filter(Boolean).map(c => +c.mean.toFixed(3));
      const best = d.isError ? Math.min(...means) : Math.max(...means);
      return [row.name, ...row.cells.map(cell => {
        if (!cell) return el("td", { class: "n" }, "–");
        const text = cell.mean.toFixed(3) + (cell.sd === null ? "" : ` ±${cell.sd.toFixed(3)}`);
        const key = cell.keys.find(k => d.answers[k]);
        const inner = key ? el("a", { href: `#/${id}?case=${key}` }, text) : text;
        return el("td", { class: +cell.mean.toFixed(3) === best ? "n best" : "n", "data-value": cell.mean }, inner);
      }), el("td", { class: "n" }, number(row.chance)), ...row.memorised];
    });
    return grid(["", ...d.pivot.learners, "(chance)", ...d.pivot.memorised], rows, { id: "pivot" });
  }
  function cases(id, d) {
    const rows = d.cases.rows.map((row, i) => {
      const key = d.cases.keys[i];
      return [d.answers[key] ? el("a", { href: `#/${id}?case=${key}` }, "answers") : "–", ...row];
    });
    return grid(["", ...d.cases.columns], rows, { id: "cases" });
  }
  function tests(d) {
    const s = d.statistics;
    if (!s) return [];
    const p = x => x === null ? "–" : x < 0.001 ? "< 0.001" : x.toFixed(3);
    const told = s.reason ? `No test: ${s.reason}.`
      : `Friedman test over ${s.n} data sets: p ${p(s.p)}. Mean ranks that differ by less than ${number(s.cd, 2)} do not differ significantly (Nemenyi, 5 %).`;
    return [el("h2", {}, "Statistics over data sets"), el("p", {}, told),
      grid(["learner", "mean rank"], s.ranks),
      ...(s.leaders.length ? [el("p", {}, "Elo: 400 points are odds of ten to one of being better on a data set. Improvability: the share by which the best learner of a data set reduces the error. Both with 95 % bootstrap intervals over data sets."),
        grid(["learner", "Elo", "from", "to", "improvability", "from", "to"], s.leaders)] : []),
      el("p", {}, `${s.base} against each other learner; the advantage is in units of ${d.score}, positive if ${s.base} is better, with its 95 % bootstrap interval over data sets; p is from the sign test.`),
      grid(["other", "win", "tie", "loss", "p", "advantage", "from", "to"], s.pairs.map(r => [r.other, r.win, r.tie, r.loss, r.p, r.advantage, r.low, r.high]))];
  }
  async function experiment(id) {
    const d = await load(id), source = sources.get(id), name = id.replaceAll("/", "_");
    const parts = [el("h1", {}, id), el("p", {}, source.dataset.question),
      el("h2", {}, `${d.score}, mean ± sd over seeds`), pivot(id, d),
      el("p", {}, download(`${name}.csv`, d.csv, "text/csv"), " · ", download(`${name}.tex`, d.latex, "text/x-tex"))];
    if (source.dataset.figure) parts.push(el("figure", {}, el("img", { src: source.dataset.figure, alt: `Figure of ${id}` })));
    parts.push(...tests(d));
    if (d.ledger.length) parts.push(el("h2", {}, "How answers were read"),
      grid(["learner", "answers", "unreadable", "examples"], d.ledger.map(l => [l.learner, l.answers, l.unreadable, l.said.map(t => JSON.stringify(t)).join(", ")])));
    parts.push(el("h2", {}, "Compare two cases"), comparison(id, d, null));
    parts.push(el("h2", {}, "Every finished case"), cases(id, d));
    if (d.missing.length) parts.push(el("h2", {}, "Not run"), grid(["data set", "method", "seed", "reason"], d.missing.map(m => [m.dataset, m.method, m.seed, m.reason])));
    parts.push(el("h2", {}, "Machine and time"), pairs(d.machine));
    if (d.settings.length) parts.push(el("details", {}, el("summary", {}, "Settings of the latest case"), pairs(d.settings)));
    main.replaceChildren(...parts);
  }

  // ---- a case ------------------------------------------------------------------------------------------------------

  const title = (d, key) => {
    const row = d.cases.rows[d.cases.keys.indexOf(key)];
    const named = ["dataset", "learner", "seed"].map(c => row[d.cases.columns.indexOf(c)]);
    return `${named[0]}, ${named[1]}` + (named[2] === undefined ? "" : `, seed ${named[2]}`);
  };
  const isWrong = (a, i) => a.isLabel ? a.parsed[i] !== a.truth[i] : a.parsed[i] === null;
  function confusion(c) {
    const rows = c.n.map((line, i) => [el("th", { scope: "row" }, c.truth[i]),
      ...line.map((n, j) => el("td", { class: c.truth[i] === c.said[j] ? "n hit" : n ? "n bad" : "n" }, n || "·"))]);
    return [el("h2", {}, "Confusion matrix: truth in rows, answers in columns"), grid(["", ...c.said], rows, { id: "confusion" })];
  }
  function details(d, a, i) {
    const cells = a.cells && d.rows[a.cells], own = cells && cells.cells[a.row[i]];
    const prompt = a.prompts && d.prompts[a.prompts][a.row[i]];
    const parts = [];
    if (own) parts.push(el("h2", {}, "Row"), pairs(cells.columns.map((c, j) => [c, own[j]])));
    if (prompt) parts.push(el("h2", {}, "Prompt"), el("pre", {}, prompt));
    else if (a.text) parts.push(el("p", { class: "faint" }, "The prompt cannot be shown: it contains training rows, or its text has changed since."));
    if (a.text) parts.push(el("h2", {}, "Answer"), el("pre", {}, a.text[i] === null ? "(empty)" : a.text[i]));
    if (a.p) {
      const order = a.classes.map((c, j) => [c, a.p[i][j]]).sort((x, y) => y[1] - x[1]);
      parts.push(el("h2", {}, "Probabilities"), grid(["class", "probability"], order));
    }
    if (a.reason) parts.push(el("p", { class: "faint" }, a.reason));
    return parts;
  }
  function answers(d, a) {
    const heads = ["row", "truth", "read as", a.isLabel ? (a.p ? "p of the truth" : "") : "error", ...(a.text ? ["text"] : [])];
    const holder = el("div", {});
    let shown = 0;
    const body = el("tbody", {});
    const more = el("button", { class: "plain", type: "button", onclick: fill }, "");
    function fill() {
      for (const end = Math.min(shown + PAGE, a.row.length); shown < end; shown++) body.append(row(shown));
      more.hidden = shown >= a.row.length;
      more.textContent = `show more (${shown} of ${a.row.length})`;
    }
    function row(i) {
      const p = a.isLabel ? (a.p ? a.p[i][a.classes.indexOf(a.truth[i])] : "") : a.parsed[i] === null ? null : Math.abs(a.parsed[i] - a.truth[i]);
      const said = a.parsed[i] === null ? "(unreadable)" : a.isLabel ? a.parsed[i] : number(+a.parsed[i], 4);
      const line = el("tr", {}, el("td", {}, el("button", { class: "plain answer", type: "button", "aria-expanded": "false", onclick: () => toggle(line, i) }, a.row[i])),
        el("td", {}, a.isLabel ? a.truth[i] : number(+a.truth[i], 4)), el("td", { class: isWrong(a, i) ? "bad" : "" }, said), el("td", { class: "n" }, show(p)),
        a.text ? el("td", {}, (a.text[i] || "").slice(0, 60)) : null);
      return line;
    }
    function toggle(line, i) {
      const button = line.querySelector("button"), open = button.getAttribute("aria-expanded") === "true";
      button.setAttribute("aria-expanded", String(!open));
      if (open) line.nextSibling.remove();
      else line.after(el("tr", { class: "open" }, el("td", { colspan: heads.length }, details(d, a, i))));
    }
    fill();
    holder.append(el("div", { class: "wide" }, el("table", { id: "answers" }, el("thead", {}, el("tr", {}, heads.map(h => el("th", {}, h)))), body)), more);
    return holder;
  }
  async function single(id, key) {
    const d = await load(id), a = d.answers[key];
    if (!a) return missing();
    const at = d.cases.keys.indexOf(key), row = d.cases.rows[at];
    const parts = [el("p", {}, el("a", { href: `#/${id}` }, `← ${id}`)), el("h1", {}, title(d, key)),
      pairs(d.cases.columns.map((c, j) => [c, row[j]]).concat(Object.entries(d.cases.facts[at])))];
    if (a.confusion) parts.push(...confusion(a.confusion));
    parts.push(el("h2", {}, `Answers, the worst first: ${a.row.length} of ${a.n}` + (a.wrong === null ? "" : `, ${a.wrong} wrong`)),
      el("p", { class: "faint" }, "Click a row number to see the row, its prompt, the text and the probabilities."), answers(d, a));
    main.replaceChildren(...parts);
  }

  // ---- two cases side by side --------------------------------------------------------------------------------------

  function options(chosen) {
    const list = [];
    for (const [id, d] of loaded) for (const key of d.cases.keys) if (d.answers[key]) {
      const word = `${id}?case=${key}`;
      list.push(el("option", { value: word, selected: word === chosen }, `${id}: ${title(d, key)}`));
    }
    return list;
  }
  function comparison(id, d, chosen) {
    const known = d.cases.keys.filter(k => d.answers[k]).map(k => `${id}?case=${k}`);
    if (!known.length) return el("p", {}, "No case of this run has stored answers.");
    const pick = (which, word) => el("select", { "aria-label": which }, options(word));
    const left = pick("first case", chosen ? chosen[0] : known[0]), right = pick("second case", chosen ? chosen[1] : known[1] || known[0]);
    const others = [...sources.keys()].filter(other => other !== id && other.split("/").slice(-2).join() === id.split("/").slice(-2).join());
    const go = el("button", { class: "plain", type: "button", onclick: () => { location.hash = `#/compare|${left.value}|${right.value}`; } }, "side by side");
    const widen = others.map(other => el("button", { class: "plain", type: "button", onclick: async event => {
      await load(other);
      event.target.remove();
      for (const select of [left, right]) { const before = select.value; select.replaceChildren(...options(before)); }
    } }, `also ${other}`));
    return el("p", {}, left, " ", right, " ", go, " ", widen);
  }
  async function sideBySide(words) {
    const sides = [];
    for (const word of words) {
      const [id, key] = word.split("?case=");
      if (!sources.has(id)) return missing();
      const d = await load(id), a = d.answers[key];
      if (!a) return missing();
      sides.push({ id, key, d, a, place: new Map(a.row.map((r, i) => [r, i])) });
    }
    const [x, y] = sides;
    const facts = side => new Map(side.d.cases.columns.map((c, j) => [c, side.d.cases.rows[side.d.cases.keys.indexOf(side.key)][j]]));
    const [one, two] = sides.map(facts), columns = [...new Set([...one.keys(), ...two.keys()])];
    const both = x.a.row.filter(r => y.place.has(r) && y.a.truth[y.place.get(r)] === x.a.truth[x.place.get(r)]);
    const differ = both.filter(r => x.a.parsed[x.place.get(r)] !== y.a.parsed[y.place.get(r)]);
    const mark = (side, r) => { const i = side.place.get(r); return el("td", { class: isWrong(side.a, i) ? "bad" : side.a.isLabel ? "good" : "" }, show(side.a.parsed[i])); };
    main.replaceChildren(el("p", {}, el("a", { href: `#/${x.id}` }, `← ${x.id}`)), el("h1", {}, "Side by side"),
      grid(["", `${x.id}: ${title(x.d, x.key)}`, `${y.id}: ${title(y.d, y.key)}`], columns.map(c => [c, one.get(c), two.get(c)]), { id: "sides" }),
      el("h2", {}, `Answers that differ: ${differ.length} of ${both.length} rows that both have`),
      grid(["row", "truth", "first", "second"], differ.slice(0, 500).map(r => [r, x.a.truth[x.place.get(r)], mark(x, r), mark(y, r)]), { id: "differ" }));
  }

  // ---- ways --------------------------------------------------------------------------------------------------------

  function missing() { main.replaceChildren(el("h1", {}, "Nothing here"), el("p", {}, el("a", { href: "#/" }, "All experiments"))); }
  async function route() {
    const way = decodeURIComponent(location.hash.replace(/^#\/?/, ""));
    window.scrollTo(0, 0);
    if (!way) return main.replaceChildren(...overview);
    if (way.startsWith("compare|")) return sideBySide(way.split("|").slice(1));
    const [id, key] = way.split("?case=");
    if (!sources.has(id)) return missing();
    return key ? single(id, key) : experiment(id);
  }
  document.querySelectorAll("table.sortable").forEach(sortable);
  window.addEventListener("hashchange", route);
  route();
})();
