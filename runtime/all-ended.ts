/**
 * What all of `work` resolves to, once each of it has ended: what it uses may be closed when this returns or throws,
 * which after `Promise.all` it may not.
 * @throws the error of the first, in their order, that failed
 */
export async function allEnded<T>(work: Iterable<Promise<T>>): Promise<T[]> {
  const results = await Promise.allSettled(work)
  return results.map((result) => {
    if (result.status === 'rejected') throw result.reason
    return result.value
  })
}
