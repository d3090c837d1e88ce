/**
 * The module system of Meta's pages. `__d(id, dependencies, factory, special)` registers a module.
 * Its factory runs when the module is first required, and its exports are kept. A module is
 * requirable once all of its dependencies are registered, theirs included.
 *
 * Bits of `special`: 8 passes the arguments of the system before the dependencies (`__d` always
 * sets it); 32 names those of an ES module; 64 makes `exports.default` what `require` returns, when
 * there is one. An ES module has (global, require, importDefault, importNamespace, requireLazy,
 * module, exports), any other has (global, require, requireDynamic, requireLazy, module, exports).
 */
;(function (global) {
  // The real loader leaves the page alone when there is a `require` already.
  if (global.require != null) return

  const passesSystem = 8
  const isEsModule = 32
  const hasDefault = 64
  const none = {}
  const scenario = JSON.parse(document.getElementById('scenario').textContent)
  const modules = {}
  /**
   * What `require('__debug').modulesMap` shows: the same, but what is missing has another name
   * there.
   */
  const shown = {}
  let waiting = []

  const fail = (text, id) =>
    Object.assign(new Error(text.replace('%s', id)), { name: 'ModuleError' })
  const newModule = (id) => ({
    id,
    refcount: 0,
    exports: null,
    defaultExport: none,
    factory: undefined,
    dependencies: undefined,
    special: 0,
    factoryFinished: false,
    hasError: false,
    error: null,
    isReady: false
  })
  const moduleOf = (id) => (modules[id] ??= newModule(id))

  const isLate = () => scenario.missingMs > 0 && performance.now() > scenario.missingMs
  const isMissing = (id) => scenario.missing.includes(id) && !isLate()
  const missingMembers = (id) =>
    (isLate() ? [] : scenario.missing)
      .filter((path) => path.startsWith(`${id}.`))
      .map((path) => path.split('.').slice(1))

  const isReady = (module, seen = new Set()) => {
    if (module.isReady) return true
    if (module.dependencies === undefined) return false
    if (seen.has(module)) return true
    seen.add(module)
    if (!module.dependencies.every((dependency) => isReady(dependency, seen))) return false
    module.isReady = true
    return true
  }
  const unresolved = (module, seen = new Set()) => {
    if (seen.has(module)) return []
    seen.add(module)
    if (module.dependencies === undefined) return [`${module.id} is not defined`]
    return module.dependencies.flatMap((dependency) => unresolved(dependency, seen))
  }

  /** Takes members away from the exports for everybody, the page's own code included. */
  const removeMembers = (exports, paths) => {
    for (const path of paths) {
      const last = path.at(-1)
      const holder = path.slice(0, -1).reduce((object, name) => object?.[name], exports)
      for (let at = holder; at != null && at !== Object.prototype; at = Object.getPrototypeOf(at)) {
        if (Object.hasOwn(at, last)) delete at[last]
      }
    }
  }

  const systemArguments = (module) =>
    module.special & isEsModule
      ? [global, require, importDefault, importNamespace, requireLazy, module, module.exports]
      : [global, require, requireDynamic, requireLazy, module, module.exports]

  const run = (module) => {
    global.__onBeforeModuleFactory?.(module)
    if (module.hasError) {
      if (module.error === null)
        throw fail('Requiring module "%s" which threw an exception', module.id)
      throw module.error
    }
    if (!isReady(module)) {
      throw fail(
        `Requiring module "%s" with unresolved dependencies: ${unresolved(module).join('\n')}`,
        module.id
      )
    }
    const { factory } = module
    if (typeof factory !== 'function') {
      module.exports = factory
      module.factoryFinished = true
      return
    }
    module.exports = {}
    try {
      const system = module.special & passesSystem ? systemArguments(module) : []
      // As many dependencies are passed as the factory has parameters left.
      const passed = module.dependencies.slice(0, Math.max(0, factory.length - system.length))
      const returned = factory.apply(global, [...system, ...passed.map(({ id }) => require(id))])
      if (returned) module.exports = returned
    } catch (error) {
      Object.assign(module, { hasError: true, error, exports: null })
      throw error
    }
    if (scenario.missingInside) removeMembers(module.exports, missingMembers(module.id))
    if (!(module.special & hasDefault)) module.defaultExport = module.exports
    else if (Object.hasOwn(module.exports, 'default')) module.defaultExport = module.exports.default
    module.factoryFinished = true
    // The pages of 2026 are served with "clear_js_factory_after_used".
    module.factory = undefined
    global.__onAfterModuleFactory?.(module)
  }
  const made = (id) => {
    const module = modules[id]
    if (module === undefined || module.dependencies === undefined)
      throw fail('Requiring unknown module "%s"', id)
    if (module.exports === null && !module.factoryFinished) run(module)
    return module
  }
  const require = (id) => {
    const module = made(id)
    return module.defaultExport === none ? module.exports : module.defaultExport
  }
  const importDefault = (id) => {
    const module = made(id)
    return module.defaultExport === none ? null : module.defaultExport
  }
  const importNamespace = (id) => made(id).exports
  const requireDynamic = () => {
    throw new ReferenceError('requireDynamic is not defined')
  }

  const serveWaiting = () => {
    const ready = waiting.filter(({ dependencies }) =>
      dependencies.every((dependency) => isReady(dependency))
    )
    if (ready.length === 0) return
    waiting = waiting.filter((one) => !ready.includes(one))
    for (const { dependencies, callback } of ready)
      callback(...dependencies.map(({ id }) => require(id)))
  }
  /** Calls back once all of these modules are requirable. */
  const requireLazy = (ids, callback) => {
    waiting.push({ dependencies: ids.map(moduleOf), callback })
    serveWaiting()
  }
  const define = (id, dependencies, factory, special = 0) => {
    if (scenario.missingInside && isMissing(id)) return
    const module = moduleOf(id)
    if (module.dependencies !== undefined) return
    const named = scenario.missingInside
      ? dependencies.filter((name) => !isMissing(name))
      : dependencies
    Object.assign(module, { dependencies: named.map(moduleOf), factory, special })
    shown[isMissing(id) ? `${id}Moved` : id] = module
    serveWaiting()
  }
  const provide = (id, exports) => {
    Object.assign(moduleOf(id), {
      dependencies: [],
      exports,
      defaultExport: exports,
      factoryFinished: true
    })
    shown[id] = modules[id]
  }

  /** A view of what a module holds that lacks some members, each a path. */
  const without = (holder, paths) =>
    new Proxy(holder, {
      has: (target, key) =>
        !paths.some(([first, ...rest]) => first === key && rest.length === 0) &&
        Reflect.has(target, key),
      get: (target, key) => {
        const at = paths.filter(([first]) => first === key)
        if (at.some((path) => path.length === 1)) return undefined
        const value = Reflect.get(target, key)
        // A method must not meet the view as its `this`: it has no private fields.
        if (
          at.length === 0 &&
          typeof value === 'function' &&
          typeof key === 'string' &&
          key in Object.getPrototypeOf(target)
        )
          return value.bind(target)
        return at.length === 0
          ? value
          : without(
              value,
              at.map((path) => path.slice(1))
            )
      }
    })
  /**
   * What a module is to those outside of the page's own code, when the scenario hides something
   * from them.
   */
  const seenFromOutside = (read) => (id) => {
    if (isMissing(id)) throw fail('Requiring unknown module "%s"', id)
    const own = shown[id]?.id ?? id
    const members = missingMembers(own)
    return members.length === 0 ? read(own) : without(read(own), members)
  }
  const offered = (read) => (scenario.missing.length === 0 ? read : seenFromOutside(read))

  for (const [id, exports] of Object.entries({
    module: 0,
    exports: 0,
    define,
    global,
    require,
    requireInterop: require,
    importDefault,
    importNamespace,
    requireDynamic,
    requireLazy
  }))
    provide(id, exports)
  global.define = define
  global.require = offered(require)
  global.requireInterop = offered(require)
  global.importDefault = offered(importDefault)
  global.importNamespace = offered(importNamespace)
  global.requireDynamic = requireDynamic
  global.requireLazy = requireLazy
  global.__onBeforeModuleFactory = null
  global.__onAfterModuleFactory = null
  provide('__debug', {
    getModules: () => ({ ...shown }),
    modulesMap: shown,
    debugUnresolvedDependencies: (ids) => ids.flatMap((id) => unresolved(moduleOf(id))).join('\n')
  })
  provide('scenario', scenario)
  global.__d = function (id, dependencies, factory, special) {
    define(id, dependencies, factory, (special || 2) | passesSystem)
  }
  for (const call of global.__d_stub ?? []) global.__d.apply(null, call)
  delete global.__d_stub
  for (const call of global.__rl_stub ?? []) requireLazy.apply(null, call)
  delete global.__rl_stub
})(window)
