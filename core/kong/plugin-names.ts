/**
 * Names of all plugins that Kong documents (OSS and Enterprise, 135 of them). A control plane sends nothing
 * at all to a data plane that lacks a plugin which is configured; naming plugins that the control plane does
 * not have does no harm (kong/clustering/compat/init.lua, check_configuration_compatibility).
 */
export const bundledPluginNames: readonly string[] = `
  ace acl acme ai-a2a-proxy ai-aws-guardrails ai-azure-content-safety ai-custom-guardrail
  ai-gcp-model-armor ai-lakera-guard ai-llm-as-judge ai-mcp-oauth2 ai-mcp-proxy ai-prompt-compressor
  ai-prompt-decorator ai-prompt-guard ai-prompt-template ai-proxy ai-proxy-advanced ai-rag-injector
  ai-rate-limiting-advanced ai-request-transformer ai-response-transformer ai-sanitizer ai-semantic-cache
  ai-semantic-prompt-guard ai-semantic-response-guard amberflo app-dynamics appsentinels aws-lambda
  aws-request-signing azure-functions basic-auth bot-detection canary confluent confluent-consume
  correlation-id cors crowdstrike-aidr-request crowdstrike-aidr-response datadog datadome datakit degraphql
  exit-transformer file-log forward-proxy graphql-proxy-cache-advanced graphql-rate-limiting-advanced
  grpc-gateway grpc-web harness-waap header-cert-auth hmac-auth http-log imp-appsec-connector impart inigo
  injection-protection ip-restriction jq json-threat-protection jwe-decrypt jwt jwt-signer kafka-consume
  kafka-log kafka-upstream key-auth key-auth-enc kong-response-size-limiting kong-service-virtualization
  kong-spec-expose kong-splunk-log kong-upstream-jwt ldap-auth ldap-auth-advanced loggly
  metering-and-billing mocking moesif mtls-auth noma-runtime-protection nonamesecurity oas-validation
  oauth2 oauth2-introspection opa openid-connect opentelemetry panw-apisec-http-log post-function
  pre-function prisma-airs-intercept prometheus proxy-cache proxy-cache-advanced rate-limiting
  rate-limiting-advanced redirect request-callout request-size-limiting request-termination
  request-transformer request-transformer-advanced request-validator response-ratelimiting
  response-transformer response-transformer-advanced route-by-header route-transformer-advanced salt-agent
  saml service-protection session skyflow-ai-data-control solace-consume solace-log solace-upstream
  standard-webhooks statsd syslog tcp-log tls-handshake-modifier tls-metadata-headers
  trend-micro-kong-plugin-aps udp-log upstream-oauth upstream-timeout vault-auth websocket-size-limit
  websocket-validator xml-threat-protection zipkin
`
  .trim()
  .split(/\s+/);

/** A plugin as a data plane announces it. */
export interface PluginVersion {
  readonly name: string;
  readonly version?: string;
}

/**
 * The plugin list of a data plane of `dataPlaneVersion`: Kong's own carry Kong's version, of which the
 * control plane compares major and minor. Custom plugins are named without a version, which fits every
 * version the control plane may have.
 */
export function dataPlanePlugins(
  dataPlaneVersion: string,
  customPlugins: readonly string[],
): readonly PluginVersion[] {
  const bundled = new Set(bundledPluginNames);
  return [
    ...bundledPluginNames.map((name) => ({ name, version: dataPlaneVersion })),
    ...customPlugins.filter((name) => !bundled.has(name)).map((name) => ({ name })),
  ];
}
