export const printTables = r => console.log(JSON.stringify(r.sustained, null, 1))
