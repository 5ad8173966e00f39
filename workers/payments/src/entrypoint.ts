// The RPC surface of payments. shared/contracts/payments.ts documents each method.
import * as payments from "#shared/contracts/payments";
import { method } from "#shared/rpc";
import { domainWorker } from "#shared/worker";
import { plan } from "./scheduled.ts";
import { capture, captureOrder } from "./service/captures.ts";
import { close, closeUnpaid } from "./service/closing.ts";
import { callDeps, createDeps } from "./service/deps.ts";
import type { PaymentsBindings, PaymentsDeps } from "./service/deps.ts";
import { createIntent } from "./service/intents.ts";
import { listAllPayments, listPayments } from "./service/list.ts";
import { metrics, overview } from "./service/metrics.ts";
import { refund } from "./service/refunds.ts";

export class PaymentsRpc extends domainWorker<PaymentsBindings, PaymentsDeps, payments.PaymentsContract>({
  createDeps,
  callDeps,
  metrics,
  ...plan,
  methods: {
    overview,
    createIntent: method(payments.CreateIntentInput, createIntent),
    capture: method(payments.CaptureInput, capture),
    captureOrder: method(payments.CaptureOrderInput, captureOrder),
    refund: method(payments.RefundInput, refund),
    listPayments: method(payments.OrderPaymentsInput, listPayments),
    listAllPayments: method(payments.ListAllPaymentsInput, listAllPayments),
    close: method(payments.CloseInput, close),
    closeUnpaid: method(payments.CloseUnpaidInput, closeUnpaid),
  },
}) {}
