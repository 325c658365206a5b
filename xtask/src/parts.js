// Written after the glue by xtask: the parts of the WASM that pages bring. Each is loaded once, when a page first wants it.
const loaded = new Map();
function part(file) {
    const url = new URL(file, import.meta.url).href;
    if (!loaded.has(url)) {
        const coming = WebAssembly.instantiateStreaming(fetch(url), { __wasm_split: SHARED });
        loaded.set(url, coming);
        // One that did not come is asked for again.
        coming.catch(() => loaded.delete(url));
    }
    return loaded.get(url);
}
const every = new Set();
function page(...files) {
    files.forEach((file) => every.add(file));
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
// Those that the head of the document names. The page is woken when they are there: it works by itself until then, and
// nothing waits between its first piece that listens to clicks and the last.
export async function parts() {
    await Promise.all(Array.from(document.querySelectorAll("link[id^=part-]"), (link) => part(link.href)));
    if (!navigator.connection?.saveData) ahead();
}
// When the page answers and has nothing else to do, the parts of the pages come that its links lead to, one after another: then
// nobody waits for them. A part is called as the page that brings it: `tokens` at /tokens, `token` at /tokens/…
async function ahead() {
    const rest = () => new Promise((go) => (window.requestIdleCallback ?? ((then) => setTimeout(then, 200)))(go));
    const fileOf = (link) => {
        const [, first, last] = link.pathname.split("/");
        const names = last ? [last, first.slice(0, -1)] : [first || "dashboard"];
        return names.flatMap((name) => [...every].filter((file) => file.startsWith(`./${name}.`)))[0];
    };
    await rest();
    for (const file of new Set(Array.from(document.links, fileOf))) {
        await rest();
        if (file) await part(file).catch(() => {});
    }
}
// A part that does not come belongs to a server that was updated, or that is away. The reader goes on as without WASM.
let clicked;
addEventListener("click", (event) => { clicked = event.target.closest?.("a[href]")?.href; }, true);
addEventListener("popstate", () => { clicked = undefined; });
function withoutPart() {
    if (document.body.hasAttribute("data-hydrated")) location.assign(clicked ?? location.href);
}
