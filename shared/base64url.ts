// base64url without padding (RFC 4648, section 5), by jose, which every Worker that signs has anyway.
export { decode as base64urlDecode, encode as base64urlEncode } from "jose/base64url";
