/**
 * WhatsApp Web's module system: `__d` defines a module, `window.require` makes it when it is first asked for. The
 * page's own code reaches modules by `use`, as Meta's bundles do, and calls through the exports, so that whoever
 * replaces a function of a module has replaced it for the page, too.
 */
{
  const factories = new Map()
  const made = new Map()
  const scenario = JSON.parse(document.getElementById('scenario').textContent)

  const use = (name) => {
    if (!made.has(name)) {
      if (!factories.has(name)) throw new Error(`Requiring unknown module "${name}"`)
      const exports = {}
      made.set(name, exports)
      const own = factories.get(name)(use, exports)
      if (own !== undefined) made.set(name, own)
    }
    return made.get(name)
  }
  /** A view of what a module holds that lacks some fields, each a path. */
  const without = (holder, paths) => new Proxy(holder, {
    has: (target, key) => !paths.some(([first, ...rest]) => first === key && rest.length === 0) && Reflect.has(target, key),
    get: (target, key) => {
      const at = paths.filter(([first]) => first === key)
      if (at.some((path) => path.length === 1)) return undefined
      const value = Reflect.get(target, key)
      return at.length === 0 ? value : without(value, at.map((path) => path.slice(1)))
    }
  })
  window.__d = (name, factory) => factories.set(name, factory)
  // a module that this version of WhatsApp Web "does not have" is missing to those outside only
  window.require = (name) => {
    if (scenario.missing.includes(name)) throw new Error(`Requiring unknown module "${name}"`)
    const fields = scenario.missing.filter((path) => path.startsWith(`${name}.`)).map((path) => path.split('.').slice(1))
    return fields.length === 0 ? use(name) : without(use(name), fields)
  }
  __d('scenario', () => scenario)
  __d('__modules', () => ({ names: () => [...factories.keys()].filter((name) => name.startsWith('WA')).sort() }))
  if (!scenario.deprecated) window.Debug = { VERSION: scenario.version }
}
