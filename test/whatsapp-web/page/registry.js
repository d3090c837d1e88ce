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
  window.__d = (name, factory) => factories.set(name, factory)
  // a module that this version of WhatsApp Web "does not have" is missing to those outside only
  window.require = (name) => {
    if (scenario.missing.includes(name)) throw new Error(`Requiring unknown module "${name}"`)
    return use(name)
  }
  __d('scenario', () => scenario)
  __d('__modules', () => ({ names: () => [...factories.keys()].filter((name) => name.startsWith('WA')).sort() }))
  if (!scenario.deprecated) window.Debug = { VERSION: scenario.version }
}
