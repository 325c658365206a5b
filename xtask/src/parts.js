// Written after the glue by xtask: the parts of the WASM that pages bring. Each is loaded once, when a page first wants it.
const loaded = new Map();
function compile(url) {
    const module = WebAssembly.compileStreaming(fetch(url));
    // Told when the part is asked for.
    module.catch(() => {});
    return module;
}
// Those that the head of the document names are compiled while the main one is.
const compiling = new Map(Array.from(document.querySelectorAll("link[id^=part-]"), (link) => [link.href, compile(link.href)]));
function part(file) {
    const url = new URL(file, import.meta.url).href;
    if (!loaded.has(url)) {
        const module = compiling.get(url) ?? compile(url);
        loaded.set(url, module.then((module) => WebAssembly.instantiate(module, { __wasm_split: SHARED })));
    }
    return loaded.get(url);
}
function page(...files) {
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
