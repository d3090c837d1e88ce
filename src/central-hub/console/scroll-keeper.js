/**
 * Where a person reads in the conversation: at its end, which stays in sight whatever grows, or
 * further up, where what is read stays in its place. Chromium and Firefox keep the place by
 * themselves (scroll anchoring), Safari does not.
 */

/** This close to the end is at the end, px. */
const endPx = 60
/** A person's move upwards takes effect within this, ms. */
const moveMs = 400
const upKeys = ['ArrowUp', 'PageUp', 'Home']

export class ScrollKeeper {
  #scroller
  #list
  #onChange
  #follows = true
  /** The height of all messages when the list was last moved or scrolled. */
  #height = 0
  /** When a person last began to move upwards, ms of performance.now(). */
  #leftAt = -Infinity
  #touchY = 0
  /**
   * The first message in sight and how far below the edge it is. @type {{ node: Element, offset:
   * number } | undefined}
   */
  #anchor

  /**
   * @param {HTMLElement} scroller @param {HTMLElement} list in it, of the messages
   * @param {() => void} onChange the end came in sight or left it
   */
  constructor(scroller, list, onChange) {
    this.#scroller = scroller
    this.#list = list
    this.#onChange = onChange
    scroller.addEventListener('scroll', () => this.#onScroll())
    scroller.addEventListener('wheel', ({ deltaY }) => deltaY < 0 && this.#leave(), {
      passive: true
    })
    scroller.addEventListener('keydown', ({ key }) => upKeys.includes(key) && this.#leave())
    scroller.addEventListener('pointerdown', ({ target }) => target === scroller && this.#leave())
    scroller.addEventListener(
      'touchstart',
      ({ touches }) => (this.#touchY = touches[0]?.clientY ?? 0),
      { passive: true }
    )
    scroller.addEventListener(
      'touchmove',
      ({ touches }) => (touches[0]?.clientY ?? 0) > this.#touchY && this.#leave(),
      { passive: true }
    )
    // Pictures take their room when they come, and the window changes.
    const sizes = new ResizeObserver(() => this.keep())
    sizes.observe(scroller)
    sizes.observe(list)
  }

  /** Whether the end stays in sight. */
  get follows() {
    return this.#follows
  }

  get isAtEnd() {
    const { scrollHeight, scrollTop, clientHeight } = this.#scroller
    return scrollHeight - scrollTop - clientHeight < endPx
  }

  /** From now on the end stays in sight, or not. @param {boolean} follows */
  follow(follows) {
    this.#follows = follows
    this.#leftAt = -Infinity
    this.keep()
  }

  /** Something changed its height: what is read stays where it is. */
  keep() {
    if (this.#follows) {
      if (!this.#isLeaving()) this.#toEnd()
    } else if (this.#anchor?.node.isConnected) {
      const moved = this.#offsetOf(this.#anchor.node) - this.#anchor.offset
      if (Math.abs(moved) >= 1) this.#scroller.scrollTop += moved
    }
    this.#onChange()
  }

  /** Notes what is read now, before something is put above it. */
  hold() {
    const node = this.#firstInSight()
    this.#anchor = node && { node, offset: this.#offsetOf(node) }
  }

  #leave() {
    if (this.#scroller.scrollTop > 0) this.#leftAt = performance.now()
  }

  #isLeaving() {
    return performance.now() - this.#leftAt < moveMs
  }

  #toEnd() {
    this.#height = this.#scroller.scrollHeight
    this.#scroller.scrollTop = this.#height
  }

  #onScroll() {
    // A picture that takes its room before this event comes leaves the end out of sight: nobody has
    // scrolled.
    const isGrown = this.#scroller.scrollHeight !== this.#height
    this.#height = this.#scroller.scrollHeight
    if (this.#follows && isGrown && !this.#isLeaving()) this.#toEnd()
    else this.#follows = this.isAtEnd
    if (!this.#follows) this.hold()
    this.#onChange()
  }

  /** @param {Element} node */
  #offsetOf(node) {
    return node.getBoundingClientRect().top - this.#scroller.getBoundingClientRect().top
  }

  /** @returns {Element | undefined} */
  #firstInSight() {
    const nodes = this.#list.children
    let [low, high] = [0, nodes.length]
    while (low < high) {
      const middle = (low + high) >> 1
      const node = /** @type {Element} */ (nodes[middle])
      if (this.#offsetOf(node) + node.clientHeight > 0) high = middle
      else low = middle + 1
    }
    return nodes[low]
  }
}
