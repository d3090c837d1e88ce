/**
 * A module loader that keeps to the form of the page's own, as public index pages show it: flags,
 * order of arguments, stub queue, cycles, what `require` returns. Each is the text of a script.
 */

/** The first script of the page: definitions are queued. */
export const stub = `__d_stub = [], __d = function (id, deps, factory, flags) { __d_stub.push([id, deps, factory, flags]) }`

/** @param publish how the loader puts its `define` and `use` where the page finds them */
const loaderWith = (publish: string): string => `(function (global) {
  var records = {}
  var nothing = {}
  function record(id) {
    var found = records[id]
    if (!found || (found.exports == null && !found.isFinished)) make(id)
    return records[id]
  }
  function make(id) {
    var mine = records[id]
    if (!mine) throw new Error('Requiring unknown module "' + id + '"')
    if (mine.error) throw mine.error
    mine.exports = {}
    if (Object.prototype.toString.call(mine.factory) !== '[object Function]') {
      mine.exports = mine.factory
      return
    }
    try {
      var args = mine.flags & 32 ? [global, use, useDefault, useNamespace, null, mine, mine.exports] : [global, use, null, null, mine, mine.exports]
      var most = Math.min(args.length + mine.deps.length, mine.factory.length)
      for (var i = 0; i < mine.deps.length; i++) if (args.length < most) args.push(use(mine.deps[i]))
      var returned = mine.factory.apply(global, args)
    } catch (error) {
      mine.error = error
      mine.exports = null
      throw error
    }
    if (returned) mine.exports = returned
    if (!(mine.flags & 64)) mine.defaultExport = mine.exports
    else if (mine.exports != null && Object.hasOwn(mine.exports, 'default')) mine.defaultExport = mine.exports.default
    mine.isFinished = true
  }
  function use(id) {
    var mine = record(id)
    return mine.defaultExport !== nothing ? mine.defaultExport : mine.exports
  }
  function useDefault(id) {
    var mine = record(id)
    return mine.defaultExport !== nothing ? mine.defaultExport : null
  }
  function useNamespace(id) { return record(id).exports }
  function define(id, deps, factory, flags) {
    if (!records[id]) records[id] = { id: id, deps: deps, factory: factory, flags: flags || 2, exports: null, defaultExport: nothing, isFinished: false }
  }
  ${publish}
  if (global.__d_stub) {
    for (var i = 0; i < global.__d_stub.length; i++) global.__d.apply(null, global.__d_stub[i])
    delete global.__d_stub
  }
})(this)`

/** As the page does it today. */
export const loader = loaderWith(
  'if (global.require != null) return; global.require = use; global.importNamespace = useNamespace; global.__d = define'
)

/** Other ways to put the two into the page. */
export const loaders: Readonly<Record<string, string>> = {
  'by assignment': loader,
  'by defineProperty': loaderWith(
    `Object.defineProperty(global, 'require', { value: use }); Object.defineProperty(global, '__d', { writable: false, value: define })`
  ),
  'by function declarations': `${loaderWith('global.internal = { use: use, define: define }; global.__d = define')}
    function require(id) { return internal.use(id) }
    function __d(id, deps, factory, flags) { return internal.define(id, deps, factory, flags) }`,
  'after a delete': `delete window.__d; delete window.require; ${loader}`
}
