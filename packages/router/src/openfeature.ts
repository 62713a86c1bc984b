export type { OpenFeatureBoundOptions, OpenFeatureClientLike } from './openfeature/bound.ts'
export { fromOpenFeature } from './openfeature/bound.ts'
export type { RouterProviderOptions } from './openfeature/provider.ts'
export { routerProvider } from './openfeature/provider.ts'
