/** The consumer groups of the workers. */
export const GROUPS = { hot: 'daybook-hot', cold: 'daybook-cold' } as const
export type GroupName = keyof typeof GROUPS
