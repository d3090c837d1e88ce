const [baseUrl = '', token = ''] = process.argv.slice(2)

export async function callHub<T>(path: string, init: RequestInit): Promise<T> {
  const headers = new Headers(init.headers)
  headers.set('authorization', `Bearer ${token}`)
  const res = await fetch(baseUrl + path, { ...init, headers })
  const isJson = /json/.test(res.headers.get('content-type') ?? '')
  const data: unknown = isJson ? await res.json() : await res.blob()
  return { data, status: res.status, headers: res.headers } as T
}
