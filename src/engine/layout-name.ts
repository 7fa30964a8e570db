/** `localhost/` and what the path has that can be in a name. */
export function layoutName(dir: string, tag = 'latest'): string {
  const path = dir.toLowerCase().split('/').map((part) => part.replace(/[^a-z0-9]+/g, '-').replace(/^-+|-+$/g, '')).filter((part) => part !== '').join('/')
  const safeTag = tag.replace(/[^A-Za-z0-9_.-]/g, '-').slice(0, 128)
  return `localhost/${path === '' ? 'image' : path}:${safeTag}`
}
