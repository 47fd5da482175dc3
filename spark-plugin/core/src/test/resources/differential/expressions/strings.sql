-- table: strings
length(a)
octet_length(a)
bit_length(a)
ascii(a)
startswith(a, b)
endswith(a, b)
contains(a, b)
a LIKE 'a%'
a LIKE '%c'
a LIKE '%b%'
a LIKE '_b%'
a LIKE '%a%b%'
a LIKE 'a/%b/_c' ESCAPE '/'
a LIKE '_'
a LIKE b
instr(a, b)
locate(b, a)
locate('b', a, 3)
locate('', a, 9)
substring(a, 2)
substring(a, -4, 2)
substring(a, 0, 2)
substring(a, length(b), 2)
left(a, 2)
right(a, 2)
substring_index(a, 'b', 1)
substring_index(a, 'aa', -1)
substring_index(a, b, 2)
trim(a)
ltrim(a)
rtrim(a)
trim(BOTH 'ac ' FROM a)
trim(LEADING b FROM a)
trim(TRAILING b FROM a)
btrim(a)
upper(a)
lower(a)
a || b
concat(a, '-', b)
replace(a, 'a', 'xyz')
replace(a, b)
replace(a, b, 'é')
translate(a, 'abc', '12')
translate(a, b, 'xé')
lpad(a, 5, 'xy')
rpad(a, 5, b)
lpad(a, 2)
repeat(a, 3)
repeat(a, length(b) - 2)
reverse(a)
-- table: binaries
length(a)
octet_length(a)
bit_length(a)
a || b
