/** The Backbone-like models and collections that WhatsApp Web is made of. */
bundle('events', () => {
  class Events {
    #listeners = new Map()

    /** `names` may be several, apart by spaces. */
    on(names, listener, context) {
      for (const name of names.split(/\s+/)) {
        const all = this.#listeners.get(name) ?? []
        this.#listeners.set(name, [...all, { listener, context }])
      }
      return this
    }
    once(names, listener, context) {
      const first = (...args) => {
        this.off(names, first)
        listener.apply(context ?? this, args)
      }
      return this.on(names, first)
    }
    off(names, listener) {
      for (const name of names?.split(/\s+/) ?? this.#listeners.keys()) {
        const kept =
          listener === undefined
            ? []
            : (this.#listeners.get(name) ?? []).filter((entry) => entry.listener !== listener)
        this.#listeners.set(name, kept)
      }
      return this
    }
    trigger(name, ...args) {
      for (const { listener, context } of this.#listeners.get(name) ?? [])
        listener.apply(context ?? this, args)
      if (name !== 'all')
        for (const { listener, context } of this.#listeners.get('all') ?? [])
          listener.call(context ?? this, name, ...args)
      return this
    }
    listenTo(other, names, listener) {
      other.on(names, listener, this)
      return this
    }
  }
  return { Events }
})

bundle('models', (use) => {
  const { Events } = use('events')
  const text = (id) => {
    if (typeof id !== 'object' || id === null) return String(id)
    return id.toString === Object.prototype.toString ? text(id.id) : id.toString()
  }

  /**
   * Attributes are read and written as properties; a change is told to the model's listeners, then
   * to its collections'.
   */
  class Model extends Events {
    static known = new Set()
    #attributes = {}
    #collections = new Set()

    constructor(facts = {}) {
      super()
      this.set(facts, { silent: true })
    }
    get attributes() {
      return this.#attributes
    }
    #define(name) {
      const { known, prototype } = this.constructor
      if (!Object.hasOwn(this.constructor, 'known')) this.constructor.known = new Set(known)
      this.constructor.known.add(name)
      if (name in prototype) return
      Object.defineProperty(prototype, name, {
        configurable: true,
        get() {
          return this.attributes[name]
        },
        set(value) {
          this.set({ [name]: value })
        }
      })
    }
    get(name) {
      return this.#attributes[name]
    }
    set(facts, { silent = false } = {}) {
      const changed = []
      for (const [name, value] of Object.entries(facts)) {
        if (!this.constructor.known.has(name)) this.#define(name)
        const previous = this.#attributes[name]
        if (previous === value) continue
        this.#attributes[name] = value
        changed.push([name, value, previous])
      }
      if (silent || changed.length === 0) return this
      for (const [name, value, previous] of changed)
        this.trigger(`change:${name}`, this, value, previous)
      return this.trigger('change', this)
    }
    trigger(name, ...args) {
      super.trigger(name, ...args)
      for (const collection of this.#collections) collection.trigger(name, ...args)
      return this
    }
    join(collection) {
      this.#collections.add(collection)
    }
    leave(collection) {
      this.#collections.delete(collection)
    }
    serialize() {
      return { ...this.#attributes }
    }
    toJSON() {
      return this.serialize()
    }
    unsafe() {
      return this
    }
  }

  class Collection extends Events {
    modelClass = Model
    #models = []
    #byId = new Map()

    get length() {
      return this.#models.length
    }
    get _models() {
      return this.#models
    }
    get(id) {
      return id == null ? undefined : this.#byId.get(text(id))
    }
    /** Found here, or made: WhatsApp Web would ask its database and its servers. */
    async find(id) {
      return (
        this.get(id) ??
        this.add({ id: typeof id === 'string' ? use('WAWebWidFactory').createWid(id) : id })
      )
    }
    gadd(facts, options) {
      const id = facts.id ?? facts
      return this.get(id) ?? this.add(facts.id ? facts : { id }, options)
    }
    add(facts, { silent = false, at = this.#models.length } = {}) {
      if (Array.isArray(facts)) return facts.map((one) => this.add(one, { silent }))
      const there = this.get(facts.id)
      if (there !== undefined) {
        if (there !== facts)
          there.set(facts instanceof Model ? facts.attributes : facts, { silent })
        return there
      }
      const model = facts instanceof Model ? facts : new this.modelClass(facts)
      this.#byId.set(text(model.id), model)
      this.#models.splice(at, 0, model)
      model.join(this)
      if (!silent) this.trigger('add', model, this)
      return model
    }
    remove(id, { silent = false } = {}) {
      const model = this.get(id)
      if (model === undefined) return
      this.#byId.delete(text(model.id))
      this.#models.splice(this.#models.indexOf(model), 1)
      model.leave(this)
      if (!silent) this.trigger('remove', model, this)
    }
    /** The model gets another id and keeps its place. */
    replaceId(oldId, newId, { silent = false } = {}) {
      const model = this.get(oldId)
      if (model === undefined) return
      this.#byId.delete(text(oldId))
      model.set({ id: newId }, { silent })
      this.#byId.set(text(newId), model)
    }
    getModelsArray() {
      return [...this.#models]
    }
    toArray() {
      return this.getModelsArray()
    }
    head() {
      return this.#models[0]
    }
    last() {
      return this.#models.at(-1)
    }
    filter(fits) {
      return this.#models.filter(fits)
    }
    map(to) {
      return this.#models.map(to)
    }
    some(fits) {
      return this.#models.some(fits)
    }
    forEach(each) {
      this.#models.forEach(each)
    }
    serialize() {
      return this.#models.map((model) => model.serialize())
    }
    async update(id) {
      return this.find(id)
    }
  }
  return { Model, Collection, text }
})
