/**
 * Whether a regular expression may cost more than a time in proportion to the text: whether V8's
 * backtracking can come to the same place of it in a number of ways that grows with the text. It is
 * read as an automaton, the search for a place to begin included; that is ambiguous without bound
 * if there are two of its states p ≠ q and a word that leads from p to p, from p to q and from q to
 * q (Weber and Seidl, 1991). What assertions rule out is not looked at: it errs on the safe side.
 */

type Node =
  | { kind: 'char'; source: string }
  | { kind: 'all' | 'any'; of: Node[] }
  | { kind: 'repeat'; of: Node; min: number; max: number }
  | { kind: 'assert'; caret: boolean; of?: Node }

/** More copies than this of a part are taken for any number. */
const maxCopies = 20

const parse = (source: string): Node => {
  let at = 0
  const take = (pattern: RegExp): string | undefined => {
    const [found] = new RegExp(pattern.source, 'y').exec(source.slice(at)) ?? []
    at += found?.length ?? 0
    return found
  }
  const group = (kind: (of: Node) => Node): Node => {
    const of = alternatives()
    if (take(/\)/) === undefined) throw new Error(`no end of a group in ${source}`)
    return kind(of)
  }
  const one = (): Node => {
    if (take(/\(\?<?[=!]/) !== undefined)
      return group((of) => ({ kind: 'assert', caret: false, of }))
    if (take(/\((?:\?:|\?<\w+>)?/) !== undefined) return group((of) => of)
    const assertion = take(/[\^$]|\\[bB]/)
    if (assertion !== undefined) return { kind: 'assert', caret: assertion === '^' }
    const char = take(
      /\[(?:\\[^]|[^\]\\])*\]|\\(?:x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|u\{[0-9a-fA-F]+\}|[pP]\{[^}]*\}|[^1-9k])|[^\\[\](){}|*+?]|[\]{}]/
    )
    if (char === undefined) throw new Error(`${source.slice(at)} of ${source} is not understood`)
    return { kind: 'char', source: char }
  }
  const repeated = (): Node => {
    const of = one()
    const [, sign, min, comma, max] =
      /^([*+?])$|^\{(\d+)(,?)(\d*)\}$/.exec(take(/[*+?]|\{\d+,?\d*\}/) ?? '') ?? []
    if (sign === undefined && min === undefined) return of
    take(/\?/)
    if (sign !== undefined)
      return { kind: 'repeat', of, min: sign === '+' ? 1 : 0, max: sign === '?' ? 1 : Infinity }
    return {
      kind: 'repeat',
      of,
      min: Number(min),
      max: comma === '' ? Number(min) : max === '' ? Infinity : Number(max)
    }
  }
  const sequence = (): Node => {
    const of: Node[] = []
    while (at < source.length && !/[|)]/.test(source[at] ?? '')) of.push(repeated())
    return { kind: 'all', of }
  }
  const alternatives = (): Node => {
    const of = [sequence()]
    while (take(/\|/) !== undefined) of.push(sequence())
    return { kind: 'any', of }
  }
  const whole = alternatives()
  if (at < source.length) throw new Error(`${source.slice(at)} of ${source} is not understood`)
  return whole
}

interface State {
  /** Without a character: where to, and whether an assertion may forbid it. */
  free: { to: State; asserted: boolean }[]
  /** The character by which it is left. */
  step?: { of: Set<string>; to: State }
}

/** Adds a part of an expression behind a state. @returns the state after it */
const build = (
  node: Node,
  from: State,
  caret: boolean,
  charsOf: (source: string) => Set<string>
): State => {
  const after = (part: Node, state: State): State => build(part, state, caret, charsOf)
  switch (node.kind) {
    case 'char': {
      const [before, to]: State[] = [{ free: [] }, { free: [] }]
      ;(before as State).step = { of: charsOf(node.source), to: to as State }
      from.free.push({ to: before as State, asserted: false })
      return to as State
    }
    case 'all':
      return node.of.reduce((state, part) => after(part, state), from)
    case 'any': {
      const to: State = { free: [] }
      for (const part of node.of) after(part, from).free.push({ to, asserted: false })
      return to
    }
    case 'assert': {
      const to: State = { free: [] }
      if (node.of !== undefined) {
        const inside: State = { free: [] }
        from.free.push({ to: inside, asserted: true })
        after(node.of, inside)
      }
      if (!node.caret || caret) from.free.push({ to, asserted: !node.caret })
      return to
    }
    case 'repeat': {
      const many = node.max - node.min > maxCopies
      let state = from
      for (let copies = Math.min(node.min, maxCopies); copies > 0; copies -= 1)
        state = after(node.of, state)
      const to: State = { free: [] }
      for (let copies = many ? 0 : node.max - node.min; copies > 0; copies -= 1) {
        state.free.push({ to, asserted: false })
        state = after(node.of, state)
      }
      if (many) {
        const loop: State = { free: [] }
        state.free.push({ to: loop, asserted: false })
        after(node.of, loop).free.push({ to: loop, asserted: false })
        state = loop
      }
      state.free.push({ to, asserted: false })
      return to
    }
  }
}

/** Characters of every kind that an expression may tell apart. */
const alphabet = [
  ...Array.from({ length: 128 }, (_, code) => String.fromCharCode(code)),
  ...'\u0085\u00a0éßñ\u0301\u200b\u200d\u2028\u202e\ufeff\uff0b世'
].map(String)

/**
 * Two ways that the same text goes, as the places they are at; undefined when the cost is in
 * proportion to the text.
 */
export const ambiguity = ({ source, flags }: RegExp): string | undefined => {
  const chars = [...new Set([...alphabet, ...source])]
  const charsOf = (atom: string): Set<string> => {
    const test = new RegExp(`^(?:${atom})$`, flags.replace(/[gmyd]/g, ''))
    return new Set(chars.filter((char) => test.test(char)))
  }
  const any = new Set(chars)
  const [end, start, later, lineStart]: State[] = [
    { free: [] },
    { free: [] },
    { free: [] },
    { free: [] }
  ]
  const expression = parse(source)
  build(expression, start as State, true, charsOf).free.push({ to: end as State, asserted: false })
  if (!flags.includes('y')) {
    // the search: what may begin here may begin at any later place, too
    const searching = (state: State, of: Set<string>, to: State): void =>
      void state.free.push({ to: { free: [], step: { of, to } }, asserted: true })
    build(expression, later as State, false, charsOf).free.push({
      to: end as State,
      asserted: false
    })
    if (flags.includes('m'))
      build(expression, lineStart as State, true, charsOf).free.push({
        to: end as State,
        asserted: false
      })
    for (const state of [start, later, lineStart] as State[]) {
      searching(
        state,
        flags.includes('m') ? new Set(chars.filter((char) => char !== '\n')) : any,
        later as State
      )
      if (flags.includes('m')) searching(state, new Set(['\n']), lineStart as State)
    }
  }

  /**
   * The steps that come next, with the number of ways to each; none where the search has ended: it
   * was found.
   */
  const nextOf = new Map<State, Map<State, number>>()
  const next = (state: State): Map<State, number> => {
    const known = nextOf.get(state)
    if (known !== undefined) return known
    const ways = new Map<State, number>()
    let found = false
    const walk = (at: State, asserted: boolean, path: ReadonlySet<object>): void => {
      if (at === end && !asserted) found = true
      if (at.step !== undefined) ways.set(at, (ways.get(at) ?? 0) + 1)
      // a place may be come to twice, such as by ending an inner loop and beginning it anew, but
      // not by the same way
      for (const way of at.free)
        if (!path.has(way)) walk(way.to, asserted || way.asserted, new Set([...path, way]))
    }
    walk(state, false, new Set())
    const result = found ? new Map<State, number>() : ways
    nextOf.set(state, result)
    return result
  }

  const steps = new Set<State>()
  const reach = (state: State): void => {
    for (const step of next(state).keys()) {
      if (steps.has(step)) continue
      steps.add(step)
      reach((step.step as { to: State }).to)
    }
  }
  reach(start as State)
  const all = [...steps]
  const number = new Map(all.map((state, index) => [state, index]))
  const follow = all.map(({ step }) =>
    [...next((step as { to: State }).to)].map(([state, ways]) => ({
      to: number.get(state) as number,
      ways
    }))
  )
  const letters = all.map(({ step }) => (step as { of: Set<string> }).of)
  const reachable = follow.map((_, from) => {
    const seen = new Set<number>()
    const walk = (at: number): void => {
      for (const { to } of follow[at] ?? []) {
        if (seen.has(to)) continue
        seen.add(to)
        walk(to)
      }
    }
    walk(from)
    return seen
  })
  const looping = [...all.keys()].filter((at) => reachable[at]?.has(at))
  const told = (at: number): string =>
    `place ${at} of [${[...(letters[at] ?? [])].slice(0, 5).join('')}…]`
  for (const p of looping) {
    const twice = follow[p]?.find(({ to, ways }) => ways > 1 && reachable[to]?.has(p))
    if (twice !== undefined) return `two ways from ${told(p)} to ${told(twice.to)} and back`
  }
  const meets = (a: number, b: number, c: number): boolean =>
    [...(letters[a] ?? [])].some((char) => letters[b]?.has(char) && letters[c]?.has(char))
  for (const p of looping) {
    for (const q of looping) {
      if (p === q || !reachable[p]?.has(q)) continue
      const seen = new Set<string>()
      const queue: [number, number, number][] = [[p, p, q]]
      for (let triple = queue.pop(); triple !== undefined; triple = queue.pop()) {
        const [a, b, c] = triple
        for (const { to: x } of follow[a] ?? []) {
          if (!reachable[x]?.has(p)) continue
          for (const { to: y } of follow[b] ?? []) {
            for (const { to: z } of follow[c] ?? []) {
              if (!reachable[z]?.has(q) || seen.has(`${x},${y},${z}`) || !meets(x, y, z)) continue
              seen.add(`${x},${y},${z}`)
              if (x === p && y === q && z === q) return `${told(p)} and ${told(q)}`
              queue.push([x, y, z])
            }
          }
        }
      }
    }
  }
  return undefined
}
