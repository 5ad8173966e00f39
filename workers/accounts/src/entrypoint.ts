// The RPC surface of the accounts Worker. shared/contracts/accounts.ts documents each method.
import * as accounts from "#shared/contracts/accounts";
import { method } from "#shared/rpc";
import { domainWorker } from "#shared/worker";
import { plan } from "./scheduled.ts";
import { createDeps } from "./service/deps.ts";
import type { AccountsDeps } from "./service/deps.ts";
import { jwks } from "./service/keys.ts";
import { metrics } from "./service/metrics.ts";
import { forgotPassword, resetPassword } from "./service/recovery.ts";
import { changeRole, getUser, listUsers } from "./service/roles.ts";
import { logout, refresh } from "./service/sessions.ts";
import { changePassword, login, me, register } from "./service/users.ts";
import { requestEmailVerification, verifyEmail } from "./service/verification.ts";

export class AccountsRpc extends domainWorker<AccountsEnv, AccountsDeps, accounts.AccountsContract>({
  createDeps,
  metrics,
  ...plan,
  methods: {
    register: method(accounts.RegisterInput, register),
    login: method(accounts.LoginInput, login),
    refresh: method(accounts.RefreshInput, refresh),
    logout: method(accounts.RefreshInput, logout),
    me,
    changePassword: method(accounts.ChangePasswordInput, changePassword),
    forgotPassword: method(accounts.ForgotPasswordInput, forgotPassword),
    resetPassword: method(accounts.ResetPasswordInput, resetPassword),
    requestEmailVerification,
    verifyEmail: method(accounts.VerifyEmailInput, verifyEmail),
    listUsers: method(accounts.ListUsersInput, listUsers),
    getUser: method(accounts.UserInput, getUser),
    changeRole: method(accounts.ChangeRoleInput, changeRole),
    jwks,
  },
}) {}
