/**
 * Sees each module of WhatsApp Web as the page makes it, before any other code can use it.
 *
 * The page's loader, as public index pages show it: an inline script assigns a stub `__d` that only
 * queues what it is given; a later script assigns the real `__d`, replays the queue through it, and
 * assigns `require`. A module is `__d(name, dependencies, factory, flags)`. The loader calls
 * `factory(global, require, …, module, exports, …dependencies)` when the module is first needed,
 * and takes a truthy return value in place of `module.exports`. Within the page modules get each
 * other from the loader itself, never from `window.require`: only the factory sees them all.
 */

/** What the page offers at `globalThis[Symbol.for('leadmaster.modules')]`. */
export interface ModuleHook {
  /**
   * Calls `use` with a module's exports: as soon as its factory has run and before anyone else gets
   * them, or now when the module is made already. A module that the page makes again, with new
   * exports, is given again. What `use` throws stays here.
   * @param use `exports` is `module.exports`. `value` is what `require(name)` returns, which for
   * some modules is `exports.default`. Where only `require` could be caught, both are the value.
   */
  onModule(name: string, use: (exports: never, value: never) => void): void
  /**
   * How modules are seen: 'define' sees all; 'require' only what is asked of `window.require`;
   * 'nothing' none.
   */
  sees(): 'define' | 'require' | 'nothing'
  /** What functions given to onModule threw, the newest last, at most ten: `WAWap: message`. */
  failures(): string[]
}

/**
 * Runs in the page, before its own scripts and before all other code of ours. It is one function,
 * because the page gets it as one text.
 */
export const installModuleHook = (): void => {
  type AnyFunction = (...args: unknown[]) => unknown
  type Use = (exports: unknown, value: unknown) => void
  interface Made {
    exports: unknown
    value: unknown
  }

  const maxFailures = 10
  /** The loader's flag for a module whose value is its default export. */
  const hasDefault = 64
  const scope = globalThis as unknown as Record<PropertyKey, unknown>
  const registered = new Map<string, { use: Use; given: WeakSet<object> }[]>()
  const made = new Map<string, Made>()
  const failures: string[] = []
  /** What we put in place of a function of the page. */
  const ours = new WeakSet<object>()
  /** By what we put in its place. */
  const replacements = new WeakMap<object, object>()
  const caught = { __d: false, require: false }
  type Caught = keyof typeof caught

  const isObject = (value: unknown): value is object =>
    (typeof value === 'object' && value !== null) || typeof value === 'function'

  const fail = (name: string, error: unknown): void => {
    let reason = 'an error without a message'
    try {
      reason = String((error as Error | undefined)?.message ?? error)
    } catch {
      // An object whose text throws is reported without it.
    }
    failures.push(`${name}: ${reason}`)
    if (failures.length > maxFailures) failures.shift()
  }

  const give = (
    name: string,
    entry: { use: Use; given: WeakSet<object> },
    { exports, value }: Made
  ): void => {
    if (!isObject(exports) || entry.given.has(exports)) return
    entry.given.add(exports)
    try {
      entry.use(exports, value)
    } catch (error) {
      fail(name, error)
    }
  }

  const note = (name: string, module: Made): void => {
    made.set(name, module)
    for (const entry of registered.get(name) ?? []) give(name, entry, module)
  }

  /** The loader's own record of the module, which a factory gets beside the exports. */
  const moduleOf = (args: unknown[]): { exports: unknown } | undefined => {
    for (const [index, candidate] of args.entries()) {
      if (typeof candidate !== 'object' || candidate === null || candidate === globalThis) continue
      const { exports } = candidate as { exports?: unknown }
      if (isObject(exports) && (exports === args[index + 1] || exports === args[index - 1]))
        return candidate as { exports: unknown }
    }
    return undefined
  }

  /** Notes a module whose factory has just run. */
  const finish = (
    name: string,
    flags: unknown,
    result: unknown,
    module: { exports: unknown } | undefined,
    args: unknown[]
  ): void => {
    const returned = isObject(result) ? result : undefined
    const exports =
      returned ??
      (module === undefined
        ? args.findLast((arg) => typeof arg === 'object' && arg !== null)
        : module.exports)
    const isDefault =
      typeof flags === 'number' &&
      (flags & hasDefault) !== 0 &&
      isObject(exports) &&
      Object.hasOwn(exports, 'default')
    note(name, { exports, value: isDefault ? (exports as { default: unknown }).default : exports })
  }

  /**
   * A Proxy keeps the factory's length, by which the loader decides how many arguments it gives.
   */
  const wrapFactory = (name: string, factory: AnyFunction, flags: unknown): AnyFunction => {
    if (ours.has(factory)) return factory
    const wrapped = new Proxy(factory, {
      apply: (target, self, args: unknown[]) => {
        const module = moduleOf(args)
        const result: unknown = Reflect.apply(target, self, args)
        try {
          finish(name, flags, result, module, args)
        } catch (error) {
          fail(name, error)
        }
        catchAll()
        return result
      }
    })
    ours.add(wrapped)
    return wrapped
  }

  /** @returns the arguments of a definition with its factory wrapped */
  const wrapArguments = (args: unknown[]): unknown[] => {
    const [name] = args
    if (typeof name !== 'string') return args
    const at = args.findIndex((arg, index) => index > 0 && typeof arg === 'function')
    if (at < 0) return args
    const changed = [...args]
    changed[at] = wrapFactory(name, args[at] as AnyFunction, args[at + 1])
    return changed
  }

  const onRequired = (name: unknown, value: unknown): void => {
    if (typeof name !== 'string') return
    const known = made.get(name)
    // What a factory made is noted already.
    if (known === undefined || (!caught.__d && known.value !== value))
      note(name, { exports: value, value })
  }

  const wrap = (kind: Caught, original: unknown): unknown => {
    if (typeof original !== 'function' || ours.has(original)) return original
    const known = replacements.get(original)
    if (known !== undefined) return known
    const wrapped = new Proxy(original as AnyFunction, {
      apply: (target, self, args: unknown[]) => {
        if (kind === '__d') {
          const result: unknown = Reflect.apply(target, self, wrapArguments(args))
          caught.__d = true
          return result
        }
        const value: unknown = Reflect.apply(target, self, args)
        caught.require = true
        onRequired(args[0], value)
        return value
      }
    })
    ours.add(wrapped)
    replacements.set(original, wrapped)
    return wrapped
  }

  const current: Record<Caught, unknown> = { __d: undefined, require: undefined }
  const getters: Record<Caught, () => unknown> = {
    __d: () => current.__d,
    require: () => current.require
  }
  /**
   * Catches one of the loader's functions. It must stay configurable: a function declaration of the
   * page's script would throw otherwise. Such a declaration, or a defineProperty, replaces our
   * accessor: this puts ours back around it.
   */
  const catchOne = (kind: Caught): void => {
    const found = Reflect.getOwnPropertyDescriptor(scope, kind)
    if (found?.get === getters[kind]) return
    const value = found === undefined ? undefined : scope[kind]
    if (found === undefined || found.configurable) {
      current[kind] = wrap(kind, value)
      Reflect.defineProperty(scope, kind, {
        configurable: true,
        get: getters[kind],
        set: (original: unknown) => {
          current[kind] = wrap(kind, original)
        }
      })
      return
    }
    if (found.writable === true && typeof value === 'function' && !ours.has(value))
      Reflect.set(scope, kind, wrap(kind, value))
  }
  const catchAll = (): void => {
    catchOne('__d')
    catchOne('require')
  }

  const hook: ModuleHook = {
    onModule: (name, use) => {
      const entry = { use: use as unknown as Use, given: new WeakSet<object>() }
      registered.set(name, [...(registered.get(name) ?? []), entry])
      const module = made.get(name)
      if (module !== undefined) give(name, entry, module)
    },
    sees: () => {
      catchAll()
      if (caught.__d) return 'define'
      return typeof current.require === 'function' || caught.require ? 'require' : 'nothing'
    },
    failures: () => [...failures]
  }
  Object.defineProperty(scope, Symbol.for('leadmaster.modules'), { value: Object.freeze(hook) })

  catchAll()
  const { document, MutationObserver: Observer } = globalThis as unknown as {
    document?: { addEventListener?: (name: string, listener: () => void, capture: boolean) => void }
    MutationObserver?: new (
      callback: () => void
    ) => { observe: (target: object, options: object) => void; disconnect: () => void }
  }
  // A script that replaced our accessor is noticed before the next script runs: the parser adds
  // that script's element first.
  document?.addEventListener?.('load', catchAll, true)
  if (document !== undefined && Observer !== undefined) {
    const observer = new Observer(catchAll)
    observer.observe(document, { childList: true, subtree: true })
    ;(
      globalThis as unknown as { addEventListener: (name: string, listener: () => void) => void }
    ).addEventListener('load', () => observer.disconnect())
  }
}
