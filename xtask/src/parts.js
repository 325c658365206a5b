// Written after the glue by xtask: the parts of the WASM that pages bring. Each is loaded once, when a page first wants it
// or before.
const known = [];
const loaded = new Map();
function compile(url) {
    const module = WebAssembly.compileStreaming(fetch(url));
    // Told when the part is asked for.
    module.then(warm, () => {});
    return module;
}
// Where there is a worker that warms what was compiled; see `warm.js`. Nothing ends it.
function warm(module) { self.warmer?.postMessage(module); }
function part(file) {
    const url = new URL(file, import.meta.url).href;
    if (!loaded.has(url)) {
        const module = compiling.get(url) ?? compile(url);
        const instance = module.then((module) => WebAssembly.instantiate(module, { __wasm_split: SHARED }));
        loaded.set(url, instance);
        // One that did not come is asked for anew by the next who wants it.
        instance.catch(() => { loaded.delete(url); compiling.delete(url); });
    }
    return loaded.get(url);
}
// Those of pages and not of every page, as weights and sizes of the stylesheet. The first text in a font waits until the browser has
// found it, which on Linux is another process's to do.
const FONTS = [
    "400 12px var(--mono)", "400 13px var(--mono)",
    ...["500 13px", "600 14px", "400 16px", "600 16px", "400 20px", "600 20px", "600 12px", "400 28px", "400 32px"].map((it) => `${it} var(--sans)`),
];
function warmFonts() {
    const text = Object.assign(document.createElement("p"), { className: "visually-hidden" });
    for (const font of FONTS) text.append(Object.assign(document.createElement("span"), { textContent: "0", style: `font:${font}` }));
    document.body.append(text);
    text.offsetWidth;
    text.remove();
}
// What the next page may need, one part after the other whenever there is nothing else to do, so that a link need not wait
// for it. Not for readers who pay for what they load.
export async function ahead() {
    await idle();
    warmFonts();
    if (navigator.connection?.saveData) return;
    for (const file of known) {
        await idle();
        await part(file).catch(() => {});
    }
}
function idle() { return new Promise((idle) => self.requestIdleCallback ? requestIdleCallback(idle) : setTimeout(idle, 100)); }
function page(...files) {
    known.push(...files);
    return async (done, told) => {
        try {
            await Promise.all(files.map(part));
        } catch (error) {
            console.error(error);
            return withoutPart();
        }
        wasm.__indirect_function_table.get(done)(told, true);
    };
}
// A part that does not come belongs to a server that was updated, or that is away. The reader goes on as without WASM.
let clicked;
addEventListener("click", (event) => { clicked = event.target.closest?.("a[href]")?.href; }, true);
addEventListener("popstate", () => { clicked = undefined; });
function withoutPart() {
    if (document.body.hasAttribute("data-hydrated")) location.assign(clicked ?? location.href);
}
// Starts the WASM and what the page needs of it while the document is still on its way, and wakes the page once it is whole.
export async function start(main) {
    await __wbg_init({ module_or_path: compiling.get(new URL(main, import.meta.url).href) }).catch((error) => { warm(); throw error; });
    await Promise.allSettled(Array.from(document.querySelectorAll("link[id^=part-]"), (link) => part(link.href)));
    // What comes after may rest.
    const wake = () => hydrate().then(ahead).finally(() => warm());
    document.readyState === "loading" ? addEventListener("DOMContentLoaded", wake) : wake();
}
