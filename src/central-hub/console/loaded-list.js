import { h, keepFocus } from './dom.js'
import { errorNote } from './error.js'
import { texts } from './texts.js'

/**
 * A list that is read from the hub: until it is there it says so, and what went wrong is shown with
 * a button that reads it again.
 * @template T
 */
export class LoadedList {
  #options
  /** @type {readonly T[] | undefined} */
  #items
  /** @type {unknown} */
  #error

  /**
   * @param {object} options
   * @param {HTMLElement} options.box
   * @param {() => Promise<readonly T[]>} options.read
   * @param {(item: T) => HTMLElement} options.row
   * @param {() => string} options.none what is said when there are no items
   */
  constructor(options) {
    this.#options = options
  }

  /** Reads the list again, and shows it. */
  async load() {
    try {
      this.#items = await this.#options.read()
      this.#error = undefined
    } catch (error) {
      this.#error = error
    }
    this.render()
  }

  render() {
    const { box } = this.#options
    keepFocus(box, () => box.replaceChildren(this.#content()))
  }

  #content() {
    if (this.#error !== undefined) return errorNote(this.#error, () => void this.load())
    if (!this.#items) return h('p', { class: 'muted' }, texts.loading)
    if (this.#items.length === 0) return h('p', { class: 'muted' }, this.#options.none())
    return h('ul', { class: 'hooks' }, ...this.#items.map((item) => this.#options.row(item)))
  }
}
