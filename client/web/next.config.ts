import type { NextConfig } from "next";

const config: NextConfig = {
  // Files alone: `python3 conformance demo` serves them, and so can anything else.
  output: "export",
  reactStrictMode: true,
  // Two folders up is another project's root, or may be: nothing is looked for there.
  turbopack: { root: import.meta.dirname },
  // The machine is shared with four servers, and with tests that look at the clock.
  experimental: { cpus: 1 },
};

export default config;
