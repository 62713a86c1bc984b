import { defineConfig, type UserConfig } from 'tsdown'

/** One build for every package: ES modules with types, checked the way a consumer would resolve them. */
export function library(entry: string[]): UserConfig {
  return defineConfig({
    entry,
    platform: 'node',
    target: 'node22.14',
    format: 'esm',
    dts: { sourcemap: true },
    fixedExtension: false,
    sourcemap: true,
    logLevel: 'warn',
    clean: true,
    publint: { strict: true },
    attw: { profile: 'esm-only', level: 'error' },
  }) as UserConfig
}
