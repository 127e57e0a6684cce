// A certified OpenID Connect provider on this machine: node provider.js '{"port": …, "redirect": …, "acr": …}'.
// Whoever gives any name at its sign-in is that subject; it says `ready` once it listens.
import Provider from "oidc-provider";

const { port, redirect, organisations } = JSON.parse(process.argv[2]);
const issuer = `http://127.0.0.1:${port}`;
const provider = new Provider(issuer, {
  clients: [
    {
      client_id: "sinetti",
      client_secret: "a secret of this test alone",
      redirect_uris: [redirect],
      grant_types: ["authorization_code"],
      response_types: ["code"],
    },
  ],
  cookies: { keys: ["of this test alone"] },
  pkce: { required: () => true },
  acrValues: ["strong"],
  claims: {
    openid: ["sub", "acr"],
    email: ["email", "email_verified"],
    profile: ["name", "organisations"],
  },
  conformIdTokenClaims: false,
  findAccount: (_context, subject) => ({
    accountId: subject,
    claims: () => ({
      sub: subject,
      name: `Nimi ${subject}`,
      email: `${subject}@people.example`,
      email_verified: true,
      organisations,
    }),
  }),
});
provider.listen(port, "127.0.0.1", () => console.log("ready"));
