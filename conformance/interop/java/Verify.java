/** Runs the README's snippet: ISSUER AUDIENCE TOKEN. */
class Verify {
  public static void main(String[] arguments) throws Exception {
    var claims = new Tokens(arguments[0], arguments[1]).verify(arguments[2]);
    System.out.println(claims);
  }
}
