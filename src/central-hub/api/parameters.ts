import { invalid } from '../../platform/problem.ts'

const mostSearched = 200

/** `q`, what to search for; undefined when it is not given or empty. */
export const searchText = (params: URLSearchParams): string | undefined => {
  const q = params.get('q')?.trim()
  if (q !== undefined && q.length > mostSearched) throw invalid({ field: 'q', message: `expected at most ${mostSearched} characters` })
  return q === '' ? undefined : q
}
