// The RPC surface of the accounts Worker. shared/contracts/accounts.ts documents each method.
import { z } from "zod";
import type { Call } from "#shared/call";
import {
  ChangePasswordInput,
  ChangeRoleInput,
  ForgotPasswordInput,
  ListUsersInput,
  LoginInput,
  RefreshInput,
  RegisterInput,
  ResetPasswordInput,
  UserInput,
  VerifyEmailInput,
} from "#shared/contracts/accounts";
import type { AccountsContract, PublicJwk, Session, User, UserDetails, UserPage } from "#shared/contracts/accounts";
import type { Outcome } from "#shared/errors";
import { serve } from "#shared/rpc";
import { domainWorker } from "#shared/worker";
import { plan } from "./scheduled.ts";
import { createDeps } from "./service/deps.ts";
import type { AccountsDeps } from "./service/deps.ts";
import { metrics } from "./service/metrics.ts";
import { jwks } from "./service/keys.ts";
import { forgotPassword, resetPassword } from "./service/recovery.ts";
import { changeRole, getUser, listUsers } from "./service/roles.ts";
import { logout, refresh } from "./service/sessions.ts";
import { changePassword, login, me, register } from "./service/users.ts";
import { requestEmailVerification, verifyEmail } from "./service/verification.ts";

export class AccountsRpc
  extends domainWorker<AccountsEnv, AccountsDeps>({ createDeps, metrics, ...plan })
  implements AccountsContract
{
  register(call: Call, input: z.input<typeof RegisterInput>): Promise<Outcome<Session>> {
    return serve(createDeps(this.env, this.ctx), "register", call, RegisterInput, input, register);
  }

  login(call: Call, input: z.input<typeof LoginInput>): Promise<Outcome<Session>> {
    return serve(createDeps(this.env, this.ctx), "login", call, LoginInput, input, login);
  }

  refresh(call: Call, input: z.input<typeof RefreshInput>): Promise<Outcome<Session>> {
    return serve(createDeps(this.env, this.ctx), "refresh", call, RefreshInput, input, refresh);
  }

  logout(call: Call, input: z.input<typeof RefreshInput>): Promise<Outcome<null>> {
    return serve(createDeps(this.env, this.ctx), "logout", call, RefreshInput, input, logout);
  }

  me(call: Call): Promise<Outcome<User>> {
    return serve(createDeps(this.env, this.ctx), "me", call, z.undefined(), undefined, me);
  }

  changePassword(call: Call, input: z.input<typeof ChangePasswordInput>): Promise<Outcome<null>> {
    return serve(createDeps(this.env, this.ctx), "changePassword", call, ChangePasswordInput, input, changePassword);
  }

  forgotPassword(call: Call, input: z.input<typeof ForgotPasswordInput>): Promise<Outcome<null>> {
    return serve(createDeps(this.env, this.ctx), "forgotPassword", call, ForgotPasswordInput, input, forgotPassword);
  }

  resetPassword(call: Call, input: z.input<typeof ResetPasswordInput>): Promise<Outcome<null>> {
    return serve(createDeps(this.env, this.ctx), "resetPassword", call, ResetPasswordInput, input, resetPassword);
  }

  requestEmailVerification(call: Call): Promise<Outcome<null>> {
    const deps = createDeps(this.env, this.ctx);
    return serve(deps, "requestEmailVerification", call, z.undefined(), undefined, requestEmailVerification);
  }

  verifyEmail(call: Call, input: z.input<typeof VerifyEmailInput>): Promise<Outcome<null>> {
    return serve(createDeps(this.env, this.ctx), "verifyEmail", call, VerifyEmailInput, input, verifyEmail);
  }

  listUsers(call: Call, input: z.input<typeof ListUsersInput>): Promise<Outcome<UserPage>> {
    return serve(createDeps(this.env, this.ctx), "listUsers", call, ListUsersInput, input, listUsers);
  }

  getUser(call: Call, input: z.input<typeof UserInput>): Promise<Outcome<UserDetails>> {
    return serve(createDeps(this.env, this.ctx), "getUser", call, UserInput, input, getUser);
  }

  changeRole(call: Call, input: z.input<typeof ChangeRoleInput>): Promise<Outcome<User>> {
    return serve(createDeps(this.env, this.ctx), "changeRole", call, ChangeRoleInput, input, changeRole);
  }

  jwks(call: Call): Promise<Outcome<{ readonly keys: readonly PublicJwk[] }>> {
    return serve(createDeps(this.env, this.ctx), "jwks", call, z.undefined(), undefined, jwks);
  }
}
