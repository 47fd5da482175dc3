-- table: bytes
a + b
a - b
a * b
-a
abs(a)
a % b
try_add(a, b)
-- table: shorts
a + b
a - b
a * b
-a
a % b
-- table: integers
a + b
a - b
a * b
a / b
a div b
a % b
pmod(a, b)
-a
abs(a)
try_add(a, b)
try_subtract(a, b)
try_multiply(a, b)
try_divide(a, b)
-- table: longs
a + b
a - b
a * b
a / b
a div b
a % b
pmod(a, b)
-a
abs(a)
try_add(a, b)
try_multiply(a, b)
-- table: floats
a + b
a - b
a * b
a % b
-a
abs(a)
-- table: doubles
a + b
a - b
a * b
a / b
a % b
pmod(a, b)
-a
abs(a)
try_divide(a, b)
