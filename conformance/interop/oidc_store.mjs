// What an oidc-provider keeps, in one file from one run to the next. Development only.

import { existsSync, readFileSync, writeFileSync } from 'node:fs';

export class Store {
  #path;
  #kept;

  constructor(path) {
    this.#path = path;
    this.#kept = existsSync(path) ? JSON.parse(readFileSync(path)) : { made: {}, records: {} };
  }

  save() {
    writeFileSync(this.#path, JSON.stringify(this.#kept));
  }

  // What `make` makes at the first run, and the same ever after.
  async once(name, make) {
    return (this.#kept.made[name] ??= await make());
  }

  records(model) {
    return (this.#kept.records[model] ??= {});
  }

  // An adapter as oidc-provider wants it. When records expire is theirs to say: they carry `exp`.
  get adapter() {
    return (model) => {
      const records = this.records(model);
      const find = (fits) => Object.values(records).find(fits);
      return {
        upsert: async (id, payload) => { records[id] = payload; },
        find: async (id) => records[id],
        findByUid: async (uid) => find((one) => one.uid === uid),
        findByUserCode: async (code) => find((one) => one.userCode === code),
        consume: async (id) => { records[id].consumed = Math.floor(Date.now() / 1000); },
        destroy: async (id) => { delete records[id]; },
        revokeByGrantId: async (grant) => {
          for (const [id, one] of Object.entries(records)) if (one.grantId === grant) delete records[id];
        },
      };
    };
  }
}
