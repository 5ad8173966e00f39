// The seeded accounts: one of each role to sign in with, and 125 buyers of other companies. Passwords are stored as hashes that
// were made once with the accounts Worker's own parameters, because hashing 128 of them would take half a minute.
import { SEED_NOW, between, mulberry32, pick } from "./random.ts";
import type { Random } from "./random.ts";

export type SeedRow = Readonly<Record<string, string | number | null>>;

export interface SeedPerson {
  readonly id: string;
  readonly email: string;
  readonly name: string;
  readonly company: string;
  readonly role: "admin" | "vendor" | "customer";
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
}

export const ADMIN_ID = "usr_seed0001";
export const VENDOR_ID = "usr_seed0002";
export const CUSTOMER_ID = "usr_seed0003";
/** The password of every buyer except the three named accounts. */
export const BUYER_PASSWORD = "Buyer-123456!";

const PEOPLE = 128;
const DAY_MS = 24 * 60 * 60 * 1_000;
const RANDOM_SEED = 128;

const NAMED: readonly (Omit<SeedPerson, "createdAt"> & { readonly passwordHash: string })[] = [
  {
    id: ADMIN_ID,
    email: "admin@example.com",
    name: "Morgan Reyes",
    company: "Tradepost",
    role: "admin",
    passwordHash: "scrypt$14$8$5$dHJhZGVwb3N0LXNlZWQtMQ$-EiKPOaiqKKJGmTWvGnJTOhzjZT4KB0KYaze5DOk6wE",
  },
  {
    id: VENDOR_ID,
    email: "vendor@example.com",
    name: "Ines Hartmann",
    company: "Hartmann Industrial Supply",
    role: "vendor",
    passwordHash: "scrypt$14$8$5$dHJhZGVwb3N0LXNlZWQtMg$uUdH5_eur4Idtdm8G1aRix1RlnPZKDkiXMPALQZ4Olw",
  },
  {
    id: CUSTOMER_ID,
    email: "customer@example.com",
    name: "Sam Okafor",
    company: "Okafor Facility Services",
    role: "customer",
    passwordHash: "scrypt$14$8$5$dHJhZGVwb3N0LXNlZWQtMw$0LjJZ_WkG04N7l4Sc6r-ZBWVagGMihH0RDGyl3P6pzE",
  },
];
/** Of BUYER_PASSWORD. */
const BUYER_HASH = "scrypt$14$8$5$dHJhZGVwb3N0LXNlZWQtNA$V5UM3WzbdIjJL6oeRWnB3VcqDHuNn1eQdp8tjhvrXCE";

const FIRST_NAMES =
  "Amara Anders Beatriz Caleb Chiara Daniel Dmitri Elena Farah Gareth Hana Hugo Imani Jonas Kavya Lena Luis Mateo Mei Nadia Oscar Paula Priya Rafael Ruth Sofia Tariq Thandi Victor Yuki".split(
    " ",
  );
const LAST_NAMES =
  "Abbott Almeida Bauer Becker Castillo Chen Dalton Dubois Eriksen Fischer Garcia Haddad Ibrahim Jansen Kaplan Kowalski Lindgren Marino Mbeki Nakamura Novak Oduya Patel Quinn Romero Santos Sharma Tanaka Vargas Weber".split(
    " ",
  );
const COMPANY_STEMS =
  "Alder Basalt Bluewater Cardinal Cedarline Copperfield Eastbank Fairmont Granite Harbor Ironbridge Juniper Keystone Lakeside Meridian Northgate Orchard Pinnacle Quarry Redwood Summit Tidewater Union Vantage Westfield".split(
    " ",
  );
const COMPANY_KINDS = ["Fabrication", "Logistics", "Laboratories", "Facility Services", "Manufacturing"] as const;

function buyer(random: Random, index: number): SeedPerson {
  const name = `${pick(random, FIRST_NAMES)} ${pick(random, LAST_NAMES)}`;
  // Each stem is combined with each kind once, so no two buyers share a company or an address.
  const company = `${COMPANY_STEMS[index % COMPANY_STEMS.length] ?? ""} ${
    COMPANY_KINDS[Math.floor(index / COMPANY_STEMS.length)] ?? ""
  }`;
  const mailbox = name.toLowerCase().replace(" ", ".");
  return {
    id: `usr_seed${String(index + NAMED.length + 1).padStart(4, "0")}`,
    email: `${mailbox}@${company.toLowerCase().replaceAll(" ", "-")}.example`,
    name,
    company,
    role: "customer",
    createdAt: SEED_NOW - between(random, 40 * DAY_MS, 400 * DAY_MS),
  };
}

/** The three named accounts, then the buyers. */
export function seedPeople(): readonly SeedPerson[] {
  const random = mulberry32(RANDOM_SEED);
  const named = NAMED.map(({ passwordHash: _passwordHash, ...person }) => ({
    ...person,
    createdAt: SEED_NOW - 400 * DAY_MS,
  }));
  const buyers = Array.from({ length: PEOPLE - NAMED.length }, (_none, index) => buyer(random, index));
  return [...named, ...buyers];
}

/** Rows of `users` in the database auth. */
export function userRows(people: readonly SeedPerson[]): readonly SeedRow[] {
  return people.map(({ id, email, name, role, createdAt }) => ({
    id,
    email,
    name,
    role,
    password_hash: NAMED.find((person) => person.id === id)?.passwordHash ?? BUYER_HASH,
    created_at: createdAt,
    email_verified_at: createdAt,
  }));
}
