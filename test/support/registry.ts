import { testStack } from './stack.ts'

/** Deletes a subject or a version of one, which needs the registrar's login as registering does. */
export async function removeFromRegistry(path: string): Promise<void> {
  const { url, auth } = testStack().registry
  const basic = auth && Buffer.from(`${auth.username}:${auth.password}`).toString('base64')
  const answer = await fetch(`${url}${path}`, {
    method: 'DELETE',
    headers: basic === undefined ? {} : { authorization: `Basic ${basic}` },
  })
  // A subject whose last version was deleted is not found any more.
  if (!answer.ok && answer.status !== 404) throw new Error(`DELETE ${path}: ${answer.status}`)
}
