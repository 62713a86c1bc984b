import bcrypt from 'bcrypt'
export function createLogin(db: any, _t: any): any {
  return async (login: string, password: string) => { const m = await db.selectFrom('members').selectAll().where('mail','=',login).executeTakeFirst(); if(!m) return {ok:false,reason:'invalid'}; return await bcrypt.compare(password, m.passwd.replace('$2y$','$2b$'))?{ok:true,member:m.member_no,via:'legacy',upgraded:false}:{ok:false,reason:'invalid'} }
}
