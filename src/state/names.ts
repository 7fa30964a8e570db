import { Failure } from '../errors.ts'
import type { Database } from './database.ts'

export interface Claim { readonly name: string; readonly kind: 'container' | 'pod'; readonly id: string; readonly isRename?: boolean }

/** Containers and pods share one name space; the primary key decides between two that want the same. */
export function claimName(db: Database, { name, kind, id, isRename = false }: Claim): void {
  const holder = db.get<{ id: string; kind: string }>('SELECT id, kind FROM names WHERE name = ?', name)
  if (holder) {
    const others = isRename ? ' or choose another name' : ', choose another name, or pass --replace'
    throw new Failure('exists', `the name "${name}" is already in use by ${holder.kind} ${holder.id.slice(0, 12)}`,
      { hint: holder.kind === 'pod' ? `remove it first (scow cri rmp ${holder.id.slice(0, 12)})` : `remove it first (scow rm ${name})${others}` })
  }
  db.run('INSERT INTO names (name, kind, id) VALUES (?, ?, ?)', name, kind, id)
}

export const freeName = (db: Database, id: string): void => { db.run('DELETE FROM names WHERE id = ?', id) }

export const holderOf = (db: Database, name: string): { id: string; kind: string } | undefined =>
  db.get('SELECT id, kind FROM names WHERE name = ?', name)
