// Runs in a worker, of browsers that compile a function of WASM when it is first called. Calls those that pages call first,
// each of which stops at once: what the browser compiled of a module serves the page too, which then does not wait for it.
Error.stackTraceLimit = 0;
const anything = new Proxy({}, { get: () => () => {} });
let main;
let last = Promise.resolve();
onmessage = ({ data: module }) => {
    last = last.then(() => module ? warm(module) : close()).catch(() => {});
};
async function warm(module) {
    // The head of the page sends the main module first. Others ask for what it has.
    const imports = main ? { __wasm_split: main } : new Proxy({}, { get: () => anything });
    const { exports } = await WebAssembly.instantiate(module, imports);
    main ??= exports;
    exports.$warm();
    for (let at = 0; at < exports.$first.length; at++) {
        // Of any type: text is taken for a number of any.
        try { exports.$first.get(at)("0", "0", "0", "0", "0", "0", "0", "0", "0"); } catch {}
    }
}
