export type Statement =
  /** Answers with a result; `intoFile(path)` is the same statement writing it into a pipe or a file. */
  | { readonly kind: 'read'; readonly format: string | null; readonly intoFile: (path: string) => string }
  /** Anything else without data: DDL, SET, KILL, INSERT … SELECT. Its result, if any, is small. */
  | {
      readonly kind: 'command'
      readonly verb: string
      readonly text: string
      readonly format: string | null
      readonly writes: boolean
    }
  /** INSERT whose rows follow; `withPipe(path)` is the same statement reading them from a pipe. */
  | { readonly kind: 'insert'; readonly dataAt: number; readonly withPipe: (path: string) => string }

export type Parsed =
  | Statement
  /** `toEnd`: nothing can be said before all of the request is there. */
  | { readonly kind: 'more'; readonly toEnd: boolean }
