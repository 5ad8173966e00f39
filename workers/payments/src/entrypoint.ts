// The RPC methods of payments. PaymentsContract documents them.
import { z } from "zod";
import type { Call } from "#shared/call";
import {
  CaptureInput,
  CaptureOrderInput,
  CloseInput,
  CloseUnpaidInput,
  CreateIntentInput,
  ListAllPaymentsInput,
  OrderPaymentsInput,
  RefundInput,
} from "#shared/contracts/payments";
import type { PaymentsContract } from "#shared/contracts/payments";
import { serve } from "#shared/rpc";
import { domainWorker } from "#shared/worker";
import { plan } from "./scheduled.ts";
import { capture, captureOrder } from "./service/captures.ts";
import { close, closeUnpaid } from "./service/closing.ts";
import { callDeps, createDeps } from "./service/deps.ts";
import type { PaymentsBindings, PaymentsDeps } from "./service/deps.ts";
import { metrics, overview } from "./service/metrics.ts";
import { createIntent } from "./service/intents.ts";
import { listAllPayments, listPayments } from "./service/list.ts";
import { refund } from "./service/refunds.ts";

type Answer<Method extends keyof PaymentsContract> = ReturnType<PaymentsContract[Method]>;

const Base = domainWorker<PaymentsBindings, PaymentsDeps>({ createDeps, metrics, ...plan });

export class PaymentsRpc extends Base implements PaymentsContract {
  override overview(call: Call): ReturnType<PaymentsContract["overview"]> {
    return serve(createDeps(this.env, this.ctx), "overview", call, z.undefined(), undefined, overview);
  }

  createIntent(call: Call, input: z.input<typeof CreateIntentInput>): Answer<"createIntent"> {
    return serve(callDeps(this.env, this.ctx), "createIntent", call, CreateIntentInput, input, createIntent);
  }

  capture(call: Call, input: z.input<typeof CaptureInput>): Answer<"capture"> {
    return serve(callDeps(this.env, this.ctx), "capture", call, CaptureInput, input, capture);
  }

  captureOrder(call: Call, input: z.input<typeof CaptureOrderInput>): Answer<"captureOrder"> {
    return serve(callDeps(this.env, this.ctx), "captureOrder", call, CaptureOrderInput, input, captureOrder);
  }

  refund(call: Call, input: z.input<typeof RefundInput>): Answer<"refund"> {
    return serve(callDeps(this.env, this.ctx), "refund", call, RefundInput, input, refund);
  }

  listPayments(call: Call, input: z.input<typeof OrderPaymentsInput>): Answer<"listPayments"> {
    return serve(callDeps(this.env, this.ctx), "listPayments", call, OrderPaymentsInput, input, listPayments);
  }

  listAllPayments(call: Call, input: z.input<typeof ListAllPaymentsInput>): Answer<"listAllPayments"> {
    return serve(callDeps(this.env, this.ctx), "listAllPayments", call, ListAllPaymentsInput, input, listAllPayments);
  }

  close(call: Call, input: z.input<typeof CloseInput>): Answer<"close"> {
    return serve(callDeps(this.env, this.ctx), "close", call, CloseInput, input, close);
  }

  closeUnpaid(call: Call, input: z.input<typeof CloseUnpaidInput>): Answer<"closeUnpaid"> {
    return serve(callDeps(this.env, this.ctx), "closeUnpaid", call, CloseUnpaidInput, input, closeUnpaid);
  }
}
